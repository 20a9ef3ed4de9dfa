# Writes component_intervals.json: profile-likelihood intervals by R's metafor (confint of rma.mv) for several outcomes.
# Run with:  Rscript tests/golden/component_intervals.R > tests/golden/component_intervals.json
suppressMessages({library(metafor); library(jsonlite); library(metadat)})
options(warn = -1)
tight <- list(optimizer = "bobyqa", rhobeg = 0.05, rhoend = 1e-11, maxfun = 1e5)
matrix_rows <- function(V) unname(lapply(seq_len(nrow(V)), function(i) V[i, ]))
limits <- function(fit, ...) {
  found <- try(confint(fit, ..., control = list(tol = 1e-10, maxiter = 1e4)), silent = TRUE)
  if (inherits(found, "try-error")) NULL else unname(found$random[1, 2:3])
}

one <- function(name, y, V, outcome, cluster, m, struct) {
  d <- data.frame(y = y, outcome = factor(outcome, levels = unique(as.character(outcome))), cluster = cluster)
  X <- sapply(levels(d$outcome), function(x) as.numeric(d$outcome == x))
  fit <- rma.mv(y, V, mods = X, intercept = FALSE, random = ~ outcome | cluster, struct = struct, data = d, method = m, control = tight)
  q <- length(levels(d$outcome)); rows <- list()
  for (i in seq_along(fit$tau2)) rows[[paste0("variance ", i)]] <- limits(fit, tau2 = i)
  if (struct != "DIAG") for (i in seq_along(fit$rho)) rows[[paste0("correlation ", i)]] <- limits(fit, rho = i)
  list(name = name, y = y, cov = matrix_rows(as.matrix(V)), outcome = as.character(outcome), cluster = as.character(cluster),
    method = m, struct = struct, tau2 = fit$tau2, rho = fit$rho, loglik = as.numeric(logLik(fit)), limits = rows)
}

out <- list()
b <- dat.berkey1998
Vb <- bldiag(lapply(split(b[, c("v1i", "v2i")], b$trial), as.matrix))
# drawn once and rounded: as in multilevel.R, and a larger one
three <- data.frame(cluster = c(1,1,1,2,2,3,3,3,4,4,5,5,5,6,6,7,7,8,8,8),
  outcome = c("a","b","c","a","b","a","b","c","b","c","a","b","c","a","c","a","b","a","b","c"),
  y = c(.41,.62,-.11,.05,.33,.94,1.21,.35,.48,.02,-.22,.31,-.47,.66,.14,.12,.55,1.12,.91,.62),
  v = c(.04,.05,.03,.02,.03,.06,.05,.07,.03,.02,.04,.04,.05,.02,.03,.05,.06,.03,.02,.04))
V3 <- vcalc(v, cluster = cluster, obs = outcome, data = three, rho = 0.4)
for (m in c("REML", "ML")) for (struct in c("UN", "CS", "DIAG")) {
  out[[length(out) + 1]] <- one("berkey1998", c(b$yi), Vb, b$outcome, b$trial, m, struct)
  out[[length(out) + 1]] <- one("three", three$y, V3, three$outcome, three$cluster, m, struct)
}
cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor")), metadat = as.character(packageVersion("metadat"))), fits = out),
  digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
