# Writes glmm_covariates.json: R's metafor (rma.glmm, with lme4) on counts with moderators; as many nodes as it takes.
# Run with:  Rscript tests/golden/glmm_covariates.R > tests/golden/glmm_covariates.json
suppressMessages({library(metafor); library(jsonlite); library(metadat); library(lme4)})
options(warn = -1)
control <- list(glmerCtrl = list(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.02, rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-11),
  glmCtrl = list(epsilon = 1e-10, maxit = 100), optCtrl = list(rel.tol = 1e-10, eval.max = 5000, iter.max = 5000),
  intCtrl = list(rel.tol = 1e-11, subdivisions = 1000), dnchgcalc = "dnoncenhypergeom")
POINTS <- 45

one <- function(name, measure, model, data, X, method) {
  args <- c(data, list(mods = X, measure = measure, method = method, nAGQ = POINTS, control = control))
  if (measure %in% c("OR", "IRR")) args$model <- model
  fit <- try(do.call(rma.glmm, args), silent = TRUE)
  out <- list(name = name, measure = measure, model = model, method = method, data = data,
    X = unname(lapply(seq_len(ncol(X)), function(i) X[, i])))
  if (inherits(fit, "try-error")) return(c(out, list(error = as.character(fit))))
  num <- function(x) if (is.null(x) || length(x) == 0) NULL else as.numeric(x)
  c(out, list(beta = c(fit$beta), se = fit$se, pval = c(fit$pval), ci_lb = fit$ci.lb, ci_ub = fit$ci.ub,
    vcov = unname(lapply(seq_len(nrow(fit$vb)), function(i) fit$vb[i, ])), tau2 = fit$tau2, sigma2 = num(fit$sigma2),
    loglik = as.numeric(logLik(fit)), LRT = num(fit$QE.LRT), LRTp = num(fit$QEp.LRT), Wald = num(fit$QE.Wld),
    QE_df = num(fit$QE.df), QM = num(fit$QM), QMp = num(fit$QMp), k = fit$k))
}

# UM.RS without effects that vary, by lme4 itself: there its quadrature has nodes
levels_only <- function(name, measure, data, x) {
  k <- length(x); g <- rep(c(1, 0), k); study <- factor(rep(1:k, each = 2)); gx <- g * rep(x, each = 2)
  con <- do.call(glmerControl, control$glmerCtrl)
  if (measure == "OR") { y <- cbind(c(rbind(data$ai, data$ci)), c(rbind(data$bi, data$di))); fam <- binomial; off <- rep(0, 2 * k) }
  else { y <- c(rbind(data$x1i, data$x2i)); fam <- poisson; off <- log(c(rbind(data$t1i, data$t2i))) }
  fit <- glmer(y ~ g + gx + (1 | study), offset = off, family = fam, nAGQ = POINTS, control = con)
  all <- glmer(y ~ g:study + (1 | study), offset = off, family = fam, nAGQ = POINTS, control = con)
  X <- cbind(1, x); C <- t(qr.Q(qr(X), complete = TRUE)[, -(1:2)])
  d <- C %*% fixef(all)[-1]; V <- as.matrix(vcov(all))[-1, -1]
  list(name = name, measure = measure, data = data, X = list(x), beta = unname(fixef(fit)[2:3]), se = unname(sqrt(diag(as.matrix(vcov(fit))))[2:3]),
    sigma2 = VarCorr(fit)$study[1], LRT = 2 * as.numeric(logLik(all) - logLik(fit)), Wald = c(t(d) %*% solve(C %*% V %*% t(C)) %*% d))
}

b <- dat.bcg; n <- dat.nielweise2007; r <- dat.nielweise2008; p <- dat.pritz1997
bcg <- list(ai = b$tpos, bi = b$tneg, ci = b$cpos, di = b$cneg)
line <- list(ai = n$ai, bi = n$n1i - n$ai, ci = n$ci, di = n$n2i - n$ci)
rates <- list(x1i = r$x1i, t1i = r$t1i, x2i = r$x2i, t2i = r$t2i)
latitude <- cbind(latitude = (b$ablat - 33) / 10) # whole degrees defeat the optimisers
both <- cbind(latitude, random = as.numeric(b$alloc == "random"))
year <- cbind(year = n$year - 2000); later <- cbind(year = r$year - 2000)
out <- list()
add <- function(...) out[[length(out) + 1]] <<- one(...)
for (m in c("ML", "EE")) {
  for (model in c("UM.FS", "CM.AL", "CM.EL")) {
    add("nielweise2007", "OR", model, line, year, m)
    add("bcg", "OR", model, bcg, latitude, m)
    if (model != "CM.EL") add("bcg both", "OR", model, bcg, both, m)
    if (model != "CM.AL") add("nielweise2008", "IRR", model, rates, later, m)
  }
  add("pritz1997", "PLO", "", list(xi = p$xi, ni = p$ni), cbind(size = (p$ni - 20) / 10), m)
  add("nielweise2008 first arm", "IRLN", "", list(xi = r$x1i, ti = r$t1i), later, m)
}
add("bcg", "OR", "UM.RS", bcg, latitude, "ML"); add("nielweise2008", "IRR", "UM.RS", rates, later, "ML") # one node
levels <- list(levels_only("nielweise2008", "IRR", rates, c(later)), levels_only("bcg", "OR", bcg, c(latitude)))
cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor")), lme4 = as.character(packageVersion("lme4"))), points = POINTS,
  fits = out, levels = levels), digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
