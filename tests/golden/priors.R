# Writes published_priors.json: quantiles of tau in every setting of TurnerEtAlPrior and RhodesEtAlPrior of R's bayesmeta,
# and fits under some of them, by that package (peer, at tight accuracy) and by quadrature written here (exact, see exact.R).
# Run with:  Rscript tests/golden/priors.R > tests/golden/published_priors.json
suppressMessages({library(bayesmeta); library(metafor); library(jsonlite); library(metadat)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(here, "exact.R"))
P <- c(0.025, 0.5, 0.975)
pairs <- list(c("pharmacological", "placebo / control"), c("pharmacological", "pharmacological"),
  c("non-pharmacological", "placebo / control"), c("non-pharmacological", "pharmacological"),
  c("non-pharmacological", "non-pharmacological"))
outcomes_of <- function(f) eval(formals(f)$outcome)
settings <- list()
add <- function(source, outcome, pair, area, prior) settings[[length(settings) + 1]] <<- list(source = source,
  outcome = if (is.na(outcome)) "any" else outcome, comparators = if (is.null(pair)) "any" else I(pair),
  area = area, q = prior$qprior(P))
add("turner2015", NA, NULL, "any", TurnerEtAlPrior(NA))
for (o in outcomes_of(TurnerEtAlPrior)[-1]) for (p in pairs)
  add("turner2015", o, p, "any", TurnerEtAlPrior(o, p[1], p[2]))
add("rhodes2015", NA, NULL, "any", RhodesEtAlPrior(NA))
for (o in outcomes_of(RhodesEtAlPrior)[-1]) for (p in pairs[1:3]) for (a in c("other", "respiratory", "cancer"))
  add("rhodes2015", o, p, a, RhodesEtAlPrior(o, p[1], p[2], area = a))

fit_one <- function(name, y, se, family, halves, published, peer = NULL) {
  exact <- exact_fit(y, se, tau_prior(c(list(family = family), halves), se))
  tau <- summary_of(exact)
  mu <- summary_of(effect(exact, 1))
  out <- list(name = name, y = y, se = se, published = published,
    exact = list(tau = tau, mu = mu))
  if (!is.null(peer)) {
    b <- bayesmeta(y = y, sigma = se, tau.prior = peer$dprior, delta = 1e-5, epsilon = 1e-7)
    out$peer <- list(tau = as.list(b$summary[c("mean", "sd", "median"), "tau"]), mu = as.list(b$summary[c("mean", "sd", "median"), "mu"]))
  }
  out
}
data(CrinsEtAl2014)
crins <- with(CrinsEtAl2014, escalc(measure = "OR", ai = exp.AR.events, n1i = exp.total, ci = cont.AR.events, n2i = cont.total))
smd <- with(dat.normand1999, escalc(measure = "SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i))
fits <- list(
  fit_one("crins2014", c(crins$yi), sqrt(c(crins$vi)), "lognormal", list(meanlog = -2.56 / 2, sdlog = 1.74 / 2),
    list(source = "turner2015", outcome = "any", comparison = "any"), TurnerEtAlPrior(NA)),
  fit_one("crins2014", c(crins$yi), sqrt(c(crins$vi)), "lognormal",
    as.list(setNames(TurnerEtAlPrior("surgical / device related success / failure", "pharmacological", "placebo / control")$parameters["tau", ],
      c("meanlog", "sdlog"))),
    list(source = "turner2015", outcome = "surgical/device related success/failure", comparison = "pharmacological vs placebo/control"),
    TurnerEtAlPrior("surgical / device related success / failure", "pharmacological", "placebo / control")),
  fit_one("normand1999", c(smd$yi), sqrt(c(smd$vi)), "logstudentt",
    list(df = 5, location = RhodesEtAlPrior("resource use and hospital stay / process", "non-pharmacological", "placebo / control")$parameters["tau", 1],
      scale = RhodesEtAlPrior("resource use and hospital stay / process", "non-pharmacological", "placebo / control")$parameters["tau", 2]),
    list(source = "rhodes2015", outcome = "resource use and hospital stay/process", comparison = "non-pharmacological (any)",
      medical_area = "other", spread = "scale")))
cat(toJSON(list(peer = "bayesmeta", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  bayesmeta = as.character(packageVersion("bayesmeta")), metafor = as.character(packageVersion("metafor"))),
  probabilities = P, settings = settings, fits = fits), digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
