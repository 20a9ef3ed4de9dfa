# What the packages that statisticians use today take: `Rscript benchmarks/peers.R [--k50] > peers.json`.
# R's bayesmeta with a half-normal prior (about 10 s at k = 20, 40 s at k = 50, hence the flag) and metafor's REML fit.
# One JSON object on standard output. The data are simulated with a fixed seed, and printed so that others can time the same.

suppressPackageStartupMessages({
  library(bayesmeta)
  library(metafor)
  library(jsonlite)
})

simulate <- function(k) {
  set.seed(20260101)
  se <- exp(runif(k, log(0.1), log(0.6)))
  list(y = signif(rnorm(k, 0.3, sqrt(0.25^2 + se^2)), 8), se = signif(se, 8))
}

seconds <- function(fit, rounds) {
  times <- vapply(seq_len(rounds), \(i) system.time(fit(), gcFirst = FALSE)[["elapsed"]], 0)
  list(median_s = median(times), fastest_s = min(times), rounds = rounds)
}

bayes <- function(k, rounds) {
  data <- simulate(k)
  seconds(\() bayesmeta(data$y, data$se, tau.prior = \(t) dhalfnormal(t, scale = 0.5), mu.prior.mean = 0,
    mu.prior.sd = 4), rounds)
}

reml <- function(k, rounds, repeats) { # the clock ticks in milliseconds, so a round is several fits
  data <- simulate(k)
  fit <- \() for (i in seq_len(repeats)) rma(data$y, sei = data$se, method = "REML")
  fit()
  found <- seconds(fit, rounds)
  found[c("median_s", "fastest_s")] <- lapply(found[c("median_s", "fastest_s")], \(t) t / repeats)
  found
}

results <- list(
  R = paste(R.version$major, R.version$minor, sep = "."),
  bayesmeta = as.character(packageVersion("bayesmeta")), metafor = as.character(packageVersion("metafor")),
  bayesmeta_halfnormal = list(k7 = bayes(7, 5), k20 = bayes(20, 3)),
  metafor_reml = list(k7 = reml(7, 9, 50), k100 = reml(100, 9, 10), k1000 = reml(1000, 3, 1)),
  data = lapply(list(k7 = 7, k20 = 20), simulate)
)
if ("--k50" %in% commandArgs(trailingOnly = TRUE)) {
  results$bayesmeta_halfnormal$k50 <- bayes(50, 1)
  results$data$k50 <- simulate(50)
}
cat(toJSON(results, auto_unbox = TRUE, digits = I(8)), "\n", sep = "")
