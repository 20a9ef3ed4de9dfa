# Writes pooling.json: R's metafor, iterated to convergence, on small and awkward data sets.
# Run with:  Rscript tests/golden/pooling.R > tests/golden/pooling.json
suppressMessages({library(metafor); library(jsonlite)})
options(warn = -1)

sets <- list(
  two = list(y = c(0.1, 0.5), se = c(0.2, 0.3)),
  two_apart = list(y = c(-1, 2), se = c(0.2, 0.3)),
  equal = list(y = rep(0.7, 4), se = c(0.1, 0.2, 0.3, 0.15)),
  homogeneous = list(y = c(0.10, 0.12, 0.09, 0.11, 0.105), se = c(0.2, 0.3, 0.25, 0.1, 0.15)),
  below_df = list(y = c(0.3, 0.1, 0.5, 0.2, 0.4, 0.25), se = c(0.2, 0.15, 0.3, 0.25, 0.2, 0.1)),
  outlier = list(y = c(0.1, 0.2, 0.15, 0.05, 25), se = c(0.1, 0.2, 0.15, 0.1, 0.3)),
  eight_schools = list(y = c(28, 8, -3, 7, -1, 1, 18, 12), se = c(15, 10, 16, 11, 9, 11, 10, 18)),
  wide_ratio = list(y = c(0.31, 0.5, -0.4, 0.9, 0.2), se = c(0.001, 0.5, 0.3, 0.8, 10)),
  tiny = list(y = c(1.1e-4, 3.2e-4, -2.4e-4, 5.5e-4), se = c(1e-4, 1.5e-4, 1.2e-4, 2e-4)),
  zero_beats = list(y = c(-2.64, 0.03, 0.66), se = c(1.038, 0.511, 0.023)),
  zero_beats_four = list(y = c(-3.53, 0.22, 0.24, -2.66), se = c(1.662, 0.07, 0.025, 1.124)),
  interior_beats = list(y = c(0.06, -3.02, 0.24, -0.1), se = c(0.022, 2.4, 0.524, 0.066)),
  seven = list(y = c(-1.9, -0.4, -0.7, -2.4, -3.1, 0.2, -1.1), se = c(0.6, 0.3, 0.4, 0.5, 0.9, 0.35, 0.45),
               x = c(80, 30, 42, 90, 100, 10, 60), g = c(1, 0, 0, 1, 1, 0, 1)))

methods <- c("EE", "DL", "HE", "HS", "SJ", "PM", "EB", "ML", "REML")
tight <- function(m, scale) if (m == "PM") list(tol = 1e-15 * scale, tau2.max = 1e5 * scale, maxiter = 1e5) else
  list(threshold = 1e-14 * scale, maxiter = 1e5)

one <- function(y, v, m, test, X = NULL) {
  scale <- max(y^2, v)
  call <- function(con) try(if (is.null(X)) rma(y, v, method = m, test = test, control = con) else
    rma(y, v, mods = X, method = m, test = test, control = con), silent = TRUE)
  fit <- call(tight(m, scale))
  if (inherits(fit, "try-error") && m != "PM") fit <- call(c(tight(m, scale), list(stepadj = 0.5)))
  if (inherits(fit, "try-error")) return(list(method = m, test = test, error = TRUE))
  out <- list(method = m, test = test, beta = c(fit$beta), se = fit$se, zval = fit$zval, pval = fit$pval, ci_lb = fit$ci.lb,
    ci_ub = fit$ci.ub, tau2 = fit$tau2, se_tau2 = fit$se.tau2, I2 = fit$I2, H2 = fit$H2, R2 = fit$R2, QE = fit$QE,
    QEp = fit$QEp, QM = fit$QM, QMp = fit$QMp)
  if (m %in% c("EE", "ML", "REML")) out$loglik <- as.numeric(logLik(fit))
  if (m != "EE") {
    if (is.null(X)) { p <- predict(fit); out$prediction <- c(p$pi.lb, p$pi.ub) }
    con <- list(tol = 1e-14 * scale, tau2.max = 1e5 * scale, maxiter = 1e5)
    ci <- try(confint(fit, control = con), silent = TRUE)
    if (!inherits(ci, "try-error")) out$confint <- unname(ci$random[c("tau^2", "I^2(%)", "H^2"), 2:3])
    if (m %in% c("ML", "REML")) {
      pl <- try(confint(fit, type = "PL", control = con), silent = TRUE)
      if (!inherits(pl, "try-error")) out$profile <- unname(pl$random["tau^2", 2:3])
    }
  }
  out
}

run <- function(name) {
  d <- sets[[name]]; v <- d$se^2
  fits <- list(); regressions <- list()
  for (m in methods) for (t in c("z", "t", "knha", "adhoc")) {
    fits[[length(fits) + 1]] <- one(d$y, v, m, t)
    if (!is.null(d$x)) regressions[[length(regressions) + 1]] <- one(d$y, v, m, t, cbind(d$x, d$g))
  }
  bias <- list()
  if (length(unique(d$y)) > 1 && length(d$y) > 3) for (p in c("sei", "vi")) {
    r <- try(regtest(d$y, v, model = "lm", predictor = p), silent = TRUE)
    if (!inherits(r, "try-error")) bias[[p]] <- list(zval = r$zval, pval = r$pval, est = r$est, lb = r$ci.lb, ub = r$ci.ub)
  }
  fill <- list()
  if (length(unique(d$y)) > 1) for (e in c("L0", "R0", "Q0")) for (s in c("left", "right")) {
    f <- try(trimfill(rma(d$y, v, method = "DL"), estimator = e, side = s), silent = TRUE)
    if (!inherits(f, "try-error")) fill[[length(fill) + 1]] <- list(estimator = e, side = s, k0 = f$k0, se_k0 = f$se.k0,
      beta = c(f$beta), se = f$se, tau2 = f$tau2)
  }
  c(list(name = name), d, list(fits = fits, regressions = regressions, egger = bias, trimfill = fill))
}

arms <- list(
  zero_arms = list(ai = c(0, 3, 5), bi = c(20, 17, 30), ci = c(0, 6, 9), di = c(22, 15, 28)),
  one = list(ai = 3, bi = 17, ci = 6, di = 15),
  rare = list(ai = c(0, 0, 1, 2), bi = c(50, 40, 60, 80), ci = c(1, 3, 0, 4), di = c(50, 37, 61, 77)))
table <- function(name) {
  a <- arms[[name]]
  keep <- c("beta", "se", "pval", "ci.lb", "ci.ub", "QE", "QEp", "I2", "H2", "MH", "MHp", "BD", "BDp", "TA", "TAp")
  get <- function(f) lapply(f[intersect(keep, names(f))], function(x) as.numeric(x))
  c(list(name = name), a, list(
    OR = get(rma.mh(measure = "OR", ai = ai, bi = bi, ci = ci, di = di, data = a)),
    RR = get(rma.mh(measure = "RR", ai = ai, bi = bi, ci = ci, di = di, data = a)),
    RD = get(rma.mh(measure = "RD", ai = ai, bi = bi, ci = ci, di = di, data = a)),
    PETO = get(rma.peto(ai = ai, bi = bi, ci = ci, di = di, data = a))))
}

cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor"))), sets = lapply(names(sets), run), tables = lapply(names(arms), table)),
  digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
