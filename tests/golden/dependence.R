# Writes dependence.json: metafor's rma.mv, as tight as it gets, for rows of one trial: with clusters (three levels), with clusters
# beside a known covariance, and contrasts with a common arm whose true effects are correlated by 1/2 (struct = "CS", rho = 1/2).
# Run with:  Rscript tests/golden/dependence.R > tests/golden/dependence.json
suppressMessages({library(metafor); library(jsonlite)})
con <- list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15)

rows <- data.frame(trial = c("A", "A", "B", "C", "C", "D", "E", "E"), arm = c("low", "high", "low", "low", "high", "high", "low", "high"),
  y = c(0.1, 0.6, -0.4, 0.2, 0.9, 0.35, -0.2, 0.15), se = c(0.2, 0.3, 0.2, 0.25, 0.2, 0.15, 0.22, 0.24))
rows$id <- seq_len(nrow(rows))
shared <- c(A = 0.12, B = 0.1, C = 0.14, D = 0.1, E = 0.13)  # standard errors of the reference arms
V <- diag(rows$se^2)
for (i in 1:8) for (j in 1:8) if (i != j && rows$trial[i] == rows$trial[j]) V[i, j] <- shared[rows$trial[i]]^2
take <- function(f) list(estimate = c(f$beta), se = f$se, p = f$pval, lower = f$ci.lb, upper = f$ci.ub, sigma2 = f$sigma2,
  tau2 = f$tau2, Q = f$QE, Qp = f$QEp, loglik = c(logLik(f)), QM = f$QM, QMp = f$QMp)
out <- list(
  nested = take(rma.mv(y, se^2, random = ~ 1 | trial/id, data = rows, control = con)),
  nested_regression = take(rma.mv(y, se^2, mods = ~ arm, random = ~ 1 | trial/id, data = rows, control = con)),
  nested_covariance = take(rma.mv(y, V, random = ~ 1 | trial/id, data = rows, control = con)),
  multi_arm = take(rma.mv(y, V, random = ~ id | trial, struct = "CS", rho = 0.5, data = rows, control = con)),
  independent = take(rma.mv(y, V, random = ~ 1 | id, data = rows, control = con)))
cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor"))), rows = as.list(rows[1:4]), se_ref = unname(shared[rows$trial]), fits = out),
  digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
