# Writes datasets.json: y and se of data sets that bayesmeta ships, by R's metafor from the arms in R's own packages.
# Run with:  Rscript tests/golden/datasets.R > tests/golden/datasets.json
suppressMessages({library(metafor); library(metadat); library(bayesmeta); library(jsonlite)})
data(HinksEtAl2010); data(KarnerEtAl2014); data(Peto1980); data(SidikJonkman2007)
karner <- KarnerEtAl2014[!is.na(KarnerEtAl2014$tiotropium.exa), ]
n <- dat.nielweise2007
or <- function(a, n1, c, n2) escalc(measure = "OR", ai = a, n1i = n1, ci = c, n2i = n2)
e <- list(
  hackshaw1998 = dat.hackshaw1998,
  molloy2014 = escalc(measure = "ZCOR", ri = dat.molloy2014$ri, ni = dat.molloy2014$ni),
  pritz1997 = escalc(measure = "PLO", xi = dat.pritz1997$xi, ni = dat.pritz1997$ni),
  nielweise2007 = or(n$ai, n$n1i, n$ci, n$n2i),
  karner2014 = or(karner$tiotropium.exa, karner$tiotropium.total, karner$placebo.exa, karner$placebo.total),
  canner1987 = or(Peto1980$treat.events, Peto1980$treat.cases, Peto1980$control.events, Peto1980$control.cases),
  memon2003 = or(SidikJonkman2007$lihr.events, SidikJonkman2007$lihr.cases, SidikJonkman2007$oihr.events,
    SidikJonkman2007$oihr.cases)
)
out <- lapply(e, function(d) list(y = c(d$yi), se = sqrt(c(d$vi))))
out$hinks2010 <- list(y = HinksEtAl2010$log.or, se = HinksEtAl2010$log.or.se)
cat(toJSON(out, digits = 14, auto_unbox = TRUE, pretty = FALSE), "\n")
