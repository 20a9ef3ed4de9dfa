"""What is known about each source of published priors: its reference, and the doubts that concern all of it."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_HAND = (
    "The article itself was not read; the numbers come from software that carries the published table{compared}."
)
SPREAD = (
    "Whether the published spread is the scale or the standard deviation of the t distribution is undecided: R's "
    "packages read a scale, but the 95% ranges that the article prints fit a standard deviation. The median is the "
    'same; choose with spread="scale" or spread="sd".'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of priors.

    Parameters
    ----------
    title : str
        What it holds, in a few words.
    citation : str
        Reference; empty where each row names its own.
    doubts : tuple of str
        Doubts that concern all its rows.
    """

    title: str
    citation: str = ""
    doubts: tuple[str, ...] = ()


SOURCES = {
    "turner2012": Source(
        title="binary outcomes by kind of outcome and comparison",
        citation="Turner, Davey, Clarke, Thompson and Higgins (2012), Int. J. Epidemiol. 41:818-827",
        doubts=(SECOND_HAND.format(compared=", of which one transcription was found for most rows"),),
    ),
    "turner2015": Source(
        title="binary outcomes by outcome and comparison",
        citation="Turner, Jackson, Wei, Thompson and Higgins (2015), Stat. Med. 34:984-998",
        doubts=(SECOND_HAND.format(compared=", in three transcriptions that were compared"),),
    ),
    "rhodes2015": Source(
        title="standardised mean differences by outcome, comparison and medical area",
        citation="Rhodes, Turner and Higgins (2015), J. Clin. Epidemiol. 68:52-60",
        doubts=(SPREAD, SECOND_HAND.format(compared=", in three transcriptions that were compared")),
    ),
    "bartos2021": Source(
        title="standardised mean differences by field of medicine",
        citation="Bartos, Gronau, Timmers, Otte, Ly and Wagenmakers (2021), Stat. Med. 40:6743-6761",
        doubts=(SECOND_HAND.format(compared=", in two versions that agree"),),
    ),
    "bartos2023": Source(
        title="odds, risk and hazard ratios and risk differences by field of medicine",
        citation="Bartos, Otte, Gronau, Timmers, Ly and Wagenmakers (2023), preprint",
        doubts=(
            SECOND_HAND.format(compared=", in two versions that agree"),
            "It is a preprint; a journal version was not seen and may differ.",
        ),
    ),
    "vanerp2017": Source(
        title="heterogeneity in psychology",
        doubts=(
            "The curve was fitted to the data of van Erp 2017 and used by Gronau 2017; which article first printed its "
            "parameters was not seen.",
            "With shape 1 the mean is infinite: the upper tail is heavy.",
        ),
    ),
    "gronau2017": Source(title="mean effect in social psychology, elicited and default"),
    "friede2017": Source(title="half-normal heterogeneity for log odds ratios"),
    "gunhan2020": Source(title="weakly informative priors for rare events"),
    "rover2020": Source(title="unit-information mean effects, half-Cauchy heterogeneity"),
    "rover2021": Source(title="weakly informative heterogeneity by measure"),
    "rover2023": Source(title="coefficients of binary covariates"),
    "uisd": Source(title="rules for the unit information standard deviation"),
    "rbest": Source(title="single arms: half-normal heterogeneity and yardsticks"),
    "schmidli2017": Source(title="log standard deviations"),
    "spiegelhalter2004": Source(title="reasonable, high and extreme tau for log odds ratios"),
    "gelman2006": Source(title="uniform and half-t heterogeneity"),
    "eight_schools": Source(title="worked example on test scores"),
    "robma": Source(title="software default for log odds ratios"),
    "higgins2009": Source(title="Bayesian random-effects meta-analysis"),
    "lilienthal2024": Source(title="health technology assessment"),
}

# Sources of the table of recommendations, by what it calls them.
RECOMMENDATIONS = {
    "Friede 2017a; Friede 2017b": "friede2017",
    "Rover 2020": "rover2020",
    "Rover 2020 (unit information)": "rover2020",
    "Rover 2021": "rover2021",
    "Unit information SD": "uisd",
    "Unit information SD, two equal arms": "uisd",
    "RBesT manual, after Neuenschwander 2010": "rbest",
    "RBesT manual, Crohn example": "rbest",
    "RBesT vignette": "rbest",
    "Schmidli 2017 (example)": "schmidli2017",
    "Spiegelhalter 2004, Section 5.7": "spiegelhalter2004",
    "Gunhan 2020": "gunhan2020",
    "Gunhan 2020 (software default)": "gunhan2020",
    "Rover & Friede 2023": "rover2023",
    "Gelman 2006": "gelman2006",
    "Eight-schools example": "eight_schools",
    "Higgins 2009": "higgins2009",
    "Lilienthal 2024": "lilienthal2024",
    "RoBMA default (binomial model)": "robma",
}
