# Writes sensitivity.json: R's bayesmeta on the eight schools under every crossing of some priors.
# Run with:  Rscript tests/golden/sensitivity.R > tests/golden/sensitivity.json
suppressMessages({library(bayesmeta); library(jsonlite)})
options(warn = -1)

y <- c(28, 8, -3, 7, -1, 1, 18, 12)
se <- c(15, 10, 16, 11, 9, 11, 10, 18)
families <- list(
  HalfNormal = function(s) function(t) dhalfnormal(t, scale = s),
  HalfCauchy = function(s) function(t) dhalfcauchy(t, scale = s),
  Uniform = function(s) function(t) dunif(t, 0, s))
delta <- 0.003; epsilon <- 1e-5

rows <- list()
for (family in names(families)) for (scale in c(2, 5, 10)) for (sd in c(5, 10, 20)) {
  fit <- try(bayesmeta(y, se, mu.prior = c(mean = 0, sd = sd), tau.prior = families[[family]](scale),
                       delta = delta, epsilon = epsilon), silent = TRUE)
  if (inherits(fit, "try-error")) {
    rows[[length(rows) + 1]] <- list(family = family, scale = scale, mu_sd = sd, peer_error = as.character(fit))
    next
  }
  rows[[length(rows) + 1]] <- list(family = family, scale = scale, mu_sd = sd, mean = fit$summary["mean", "mu"],
    sd = fit$summary["sd", "mu"], below_zero = fit$pposterior(mu = 0), tau_median = fit$summary["median", "tau"],
    log_marginal_likelihood = log(fit$marginal.likelihood))
}
cat(toJSON(list(R = R.version.string, bayesmeta = as.character(packageVersion("bayesmeta")), y = y, se = se,
  accuracy = list(delta = delta, epsilon = epsilon), rows = rows), auto_unbox = TRUE, digits = 10, pretty = 1), "\n", sep = "")
