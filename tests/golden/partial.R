# Writes partial.json: standard errors, means and SDs from partial reports, by R's metafor (conv.wald, conv.fivenum) and
# estmeansd (qe.mean.sd, two quantities in, two out). Run with:  Rscript tests/golden/partial.R > tests/golden/partial.json
suppressMessages({library(metafor); library(estmeansd); library(jsonlite)})
options(warn = -1)
set.seed(20220510)
wald <- list()
for (level in c(90, 95, 99)) for (i in 1:6) {
  y <- round(rnorm(1), 2); se <- round(runif(1, .1, 1), 2); h <- qnorm(1 - (1 - level / 100) / 2) * se
  lower <- round(y - h, 2); upper <- round(y + h, 2)
  r <- conv.wald(out = y, ci.lb = lower, ci.ub = upper, level = level, check = FALSE)
  wald[[length(wald) + 1]] <- list(y = y, lower = lower, upper = upper, level = level / 100, vi = r$vi)
  ratio <- round(exp(y), 2); low <- round(exp(y - h), 3); high <- round(exp(y + h), 3)
  if (low > 0) {
    r <- conv.wald(out = ratio, ci.lb = low, ci.ub = high, level = level, transf = log, check = FALSE)
    wald[[length(wald) + 1]] <- list(y = ratio, lower = low, upper = high, level = level / 100, log = TRUE, vi = r$vi, yi = r$yi)
  }
}
for (p in c(.5, .213, .079, .03, .001, 1e-6)) {
  y <- round(rnorm(1), 2); r <- conv.wald(out = y, pval = p); wald[[length(wald) + 1]] <- list(y = y, p = p, vi = r$vi)
  r <- conv.wald(out = y, zval = 2.3); wald[[length(wald) + 1]] <- list(y = y, z = 2.3, vi = r$vi)
}
# two-sided P values of t tests, from R's own distribution functions
t <- list()
for (df in c(3, 12.5, 38, 400)) for (p in c(.4, .03, 1e-5))
  t[[length(t) + 1]] <- list(df = df, p = p, quantile = qt(p / 2, df, lower.tail = FALSE))

five <- list(); qe <- list()
summaries <- list(
  list(min = 2, q1 = 4.1, median = 6, q3 = 7.5, max = 10.6, n = 20), list(min = 18, q1 = 31, median = 42, q3 = 55, max = 80, n = 151),
  list(min = -8, q1 = -2.5, median = .4, q3 = 2.2, max = 9, n = 33), list(min = .5, q1 = 2, median = 4, q3 = 9, max = 31, n = 45),
  list(min = 10, q1 = 12, median = 13, q3 = 16, max = 22, n = 9), list(min = .2, q1 = 1.1, median = 2.3, q3 = 4.9, max = 14, n = 800)
)
for (x in summaries) for (case in c("range", "quartiles", "both")) {
  take <- switch(case, range = c("min", "median", "max", "n"), quartiles = c("q1", "median", "q3", "n"), both = names(x))
  given <- x[take]
  m <- do.call(conv.fivenum, c(given, list(test = FALSE)))
  skewed <- is.na(do.call(conv.fivenum, given)$mean)  # its test for skewness gives no mean
  five[[length(five) + 1]] <- list(case = case, given = given, mean = m$mean, sd = m$sd, skewed = skewed)
  names(given) <- c(min = "min.val", q1 = "q1.val", median = "med.val", q3 = "q3.val", max = "max.val", n = "n")[names(given)]
  r <- suppressMessages(do.call(qe.mean.sd, given))
  own <- lapply(names(r$values), function(d) if (is.na(r$values[[d]])) NULL else
    list(family = d, value = r$values[[d]], mean = r[[paste0(d, ".est.mean")]], sd = r[[paste0(d, ".est.sd")]]))
  qe[[length(qe) + 1]] <- list(case = case, given = x[take], family = r$selected.dist, mean = r$est.mean, sd = r$est.sd,
    families = Filter(Negate(is.null), own))
}
versions <- list(R = paste(R.version$major, R.version$minor, sep = "."), metafor = as.character(packageVersion("metafor")),
  estmeansd = as.character(packageVersion("estmeansd")))
cat(toJSON(list(peer = "metafor, estmeansd", versions = versions, wald = wald, t = t, five = five, qe = qe), digits = 15,
  auto_unbox = TRUE, null = "null", na = "null"), "\n")
