# Writes moderators.json: R's metafor, iterated to convergence, on regressions with factors: the test of all moderators, of each
# term, and all pairs of levels; for the 13 BCG trials (dat.bcg) and for 300 simulated studies.
# Run with:  Rscript tests/golden/moderators.R > tests/golden/moderators.json
suppressMessages({library(metafor); library(jsonlite)})
options(warn = -1)
con <- list(threshold = 1e-14, tol = 1e-14, maxiter = 10000, stepadj = 1)

bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
set.seed(20261201)
n <- 300
many <- data.frame(se = round(runif(n, 0.05, 0.6), 4), ablat = round(rnorm(n, 30, 12), 2),
  alloc = sample(c("alternate", "random", "systematic"), n, replace = TRUE, prob = c(0.2, 0.5, 0.3)))
many$yi <- round(rnorm(n, -0.5 - 0.01 * (many$ablat - 30) + 0.2 * (many$alloc == "random"), sqrt(many$se^2 + 0.04)), 4)
many$vi <- many$se^2
sets <- list(bcg = bcg, many = many)

tests <- function(fit, terms) lapply(terms, function(btt) {
  a <- anova(fit, btt = btt)
  list(QM = a$QM, QMp = a$QMp, df = a$QMdf)
})
pairs <- function(fit, columns) {  # columns of the levels; NA for the one that has none
  out <- list()
  for (i in 2:3) for (j in 1:(i - 1)) {
    x <- rep(0, length(fit$beta)); if (!is.na(columns[i])) x[columns[i]] <- 1; if (!is.na(columns[j])) x[columns[j]] <- -1
    a <- anova(fit, X = x)
    crit <- if (fit$test == "z") qnorm(0.975) else qt(0.975, fit$ddf[[1]])
    out[[length(out) + 1]] <- list(level = i, versus = j, estimate = c(a$Xb), se = c(a$se), statistic = c(a$zval), p = c(a$pval),
      lower = c(a$Xb - crit * a$se), upper = c(a$Xb + crit * a$se))
  }
  out
}
one <- function(name, method, test, formula, terms, columns, confint = FALSE) {
  fit <- rma(yi, vi, mods = formula, data = sets[[name]], method = method, test = test, control = con)
  ci <- if (confint && method != "FE") confint(fit, control = con)$random else NULL
  list(data = name, method = method, test = test, formula = deparse(formula), names = rownames(fit$beta), beta = c(fit$beta),
    se = fit$se, tau2 = fit$tau2, se_tau2 = fit$se.tau2, I2 = fit$I2, H2 = fit$H2, R2 = fit$R2, QE = fit$QE, QEp = fit$QEp,
    QM = fit$QM, QMp = fit$QMp, QMdf = fit$QMdf, loglik = c(logLik(fit)),
    tau2_lower = ci["tau^2", "ci.lb"], tau2_upper = ci["tau^2", "ci.ub"], terms = tests(fit, terms), pairs = pairs(fit, columns))
}
fits <- list()
for (name in names(sets)) for (method in c("FE", "DL", "HE", "HS", "SJ", "PM", "ML", "REML")) for (test in c("z", "knha")) {
  fits[[length(fits) + 1]] <- one(name, method, test, ~ alloc, list(alloc = 2:3), c(NA, 2, 3))
  fits[[length(fits) + 1]] <- one(name, method, test, ~ ablat + alloc, list(ablat = 2, alloc = 3:4), c(NA, 3, 4), confint = TRUE)
  fits[[length(fits) + 1]] <- one(name, method, test, ~ 0 + alloc, list(), c(1, 2, 3))
}
cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor"))),
  many = list(y = many$yi, se = many$se, ablat = many$ablat, alloc = many$alloc), fits = fits),
  digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
