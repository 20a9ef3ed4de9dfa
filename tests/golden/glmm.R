# Writes glmm.json: R's metafor (rma.glmm, with lme4) on counts; as many quadrature points as it takes.
# Run with:  Rscript tests/golden/glmm.R > tests/golden/glmm.json
suppressMessages({library(metafor); library(jsonlite); library(metadat); library(lme4)})
options(warn = -1)
control <- list(glmerCtrl = list(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.02, rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-11),
  glmCtrl = list(epsilon = 1e-14, maxit = 100), optCtrl = list(rel.tol = 1e-10, eval.max = 5000, iter.max = 5000),
  intCtrl = list(rel.tol = 1e-11, subdivisions = 1000), dnchgcalc = "dnoncenhypergeom")
POINTS <- 45

one <- function(name, measure, model, data, method) {
  args <- c(data, list(measure = measure, method = method, nAGQ = POINTS, control = control))
  if (measure %in% c("OR", "IRR")) args$model <- model
  fit <- try(do.call(rma.glmm, args), silent = TRUE)
  out <- list(name = name, measure = measure, model = model, method = method, data = data)
  if (inherits(fit, "try-error")) return(c(out, list(error = as.character(fit))))
  num <- function(x) if (is.null(x) || length(x) == 0) NULL else as.numeric(x)
  c(out, list(beta = c(fit$beta), se = fit$se, pval = c(fit$pval), ci_lb = fit$ci.lb, ci_ub = fit$ci.ub, tau2 = fit$tau2,
    sigma2 = num(fit$sigma2), loglik = as.numeric(logLik(fit)), LRT = num(fit$QE.LRT), LRTp = num(fit$QEp.LRT),
    Wald = num(fit$QE.Wld), QE_df = num(fit$QE.df), k = fit$k))
}

b <- dat.bcg; n <- dat.nielweise2007; r <- dat.nielweise2008; p <- dat.pritz1997; h <- dat.hine1989
bcg <- list(ai = b$tpos, bi = b$tneg, ci = b$cpos, di = b$cneg)
line <- list(ai = n$ai, bi = n$n1i - n$ai, ci = n$ci, di = n$n2i - n$ci)
hine <- list(ai = h$ai, bi = h$n1i - h$ai, ci = h$ci, di = h$n2i - h$ci)
rates <- list(x1i = r$x1i, t1i = r$t1i, x2i = r$x2i, t2i = r$t2i)
out <- list()
add <- function(...) out[[length(out) + 1]] <<- one(...)
for (m in c("ML", "EE")) {
  for (model in c("UM.FS", "CM.AL", "CM.EL")) {
    add("nielweise2007", "OR", model, line, m)
    add("hine1989", "OR", model, hine, m)
    if (model != "CM.EL" || m == "EE") add("bcg", "OR", model, bcg, m)
    if (model != "CM.AL") add("nielweise2008", "IRR", model, rates, m)
  }
  add("pritz1997", "PLO", "", list(xi = p$xi, ni = p$ni), m)
  add("nielweise2008 first arm", "IRLN", "", list(xi = r$x1i, ti = r$t1i), m)
}
add("bcg", "OR", "CM.EL", bcg, "ML")
add("bcg", "OR", "UM.RS", bcg, "ML"); add("nielweise2008", "IRR", "UM.RS", rates, "ML") # one node, whatever POINTS is
cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor")), lme4 = as.character(packageVersion("lme4"))), points = POINTS,
  fits = out), digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
