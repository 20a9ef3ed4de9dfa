# Writes ess.json: effective sample sizes of the predictive distribution of a new study by R's bayesmeta, for constant
# unit information standard deviations, and that distribution's mean, standard deviation and quantiles.
# Run with:  Rscript tests/golden/ess.R > tests/golden/ess.json
suppressMessages({library(bayesmeta); library(jsonlite)})
data("BaetenEtAl2013", package = "bayesmeta")
baeten <- escalc(xi = events, ni = total, slab = study, measure = "PLO", data = BaetenEtAl2013)

cases <- list(
  schools_halfnormal = list(y = c(28, 8, -3, 7, -1, 1, 18, 12), se = c(15, 10, 16, 11, 9, 11, 10, 18), mu = c(0, 20),
    scale = 10, unit_sd = 100),
  schools_narrow = list(y = c(28, 8, -3, 7, -1, 1, 18, 12), se = c(15, 10, 16, 11, 9, 11, 10, 18), mu = c(0, 20),
    scale = 1, unit_sd = 100),
  baeten_halfnormal = list(y = as.vector(baeten$yi), se = sqrt(as.vector(baeten$vi)), mu = NULL, scale = 0.5,
    unit_sd = 2.35),
  baeten_uniform = list(y = as.vector(baeten$yi), se = sqrt(as.vector(baeten$vi)), mu = NULL, scale = NULL,
    unit_sd = 2.35))

results <- lapply(cases, function(case) {
  tau <- if (is.null(case$scale)) "uniform" else function(t) dhalfnormal(t, scale = case$scale)
  prior <- if (is.null(case$mu)) c(NA, NA) else case$mu
  bm <- bayesmeta(case$y, case$se, mu.prior.mean = prior[1], mu.prior.sd = prior[2], tau.prior = tau, delta = 1e-4,
    epsilon = 1e-6)
  q <- c(0.025, 0.25, 0.5, 0.75, 0.975)
  c(case, list(
    elir = ess(bm, uisd = case$unit_sd, method = "elir"),
    variance_ratio = ess(bm, uisd = case$unit_sd, method = "vr"),
    at_mode = ess(bm, uisd = case$unit_sd, method = "mtm.pt"),
    mean = bm$summary["mean", "theta"], sd = bm$summary["sd", "theta"],
    q = q, quantiles = bm$qposterior(theta.p = q, predict = TRUE)))
})
cat(toJSON(list(
  versions = list(R = R.version.string, bayesmeta = as.character(packageVersion("bayesmeta"))),
  published = list(source = "help page of ess, R package bayesmeta 3.4: uniform priors, uisd = 2.35", elir = 45.7),
  cases = results), auto_unbox = TRUE, digits = 10, null = "null", pretty = TRUE), "\n")
