# Effect sizes by R's metafor beyond the files escalc_<data set>.json: empty cells, rates, paired and single groups.
# Run in this folder: Rscript escalc_more.R. It writes escalc_more.json and nothing else.
suppressPackageStartupMessages({
  library(metafor)
  library(jsonlite)
})

cases <- list()
add_case <- function(id, raw, measures, ...) {
  for (measure in measures) {
    arguments <- c(list(measure = measure), raw, list(...))
    result <- suppressWarnings(do.call(escalc, arguments))
    cases[[length(cases) + 1]] <<- list(
      id = id, measure = measure, raw = raw, options = list(...),
      yi = as.numeric(result$yi), vi = as.numeric(result$vi)
    )
  }
}

# Counts with each kind of empty cell, arms of unequal size, and one study with none.
counts <- list(
  ai = c(0, 3, 10, 5, 0, 8, 1, 40), n1i = c(10, 12, 10, 20, 15, 8, 1, 200),
  ci = c(2, 0, 4, 20, 0, 30, 0, 10), n2i = c(11, 9, 10, 20, 31, 30, 2, 150)
)
add_case("counts", counts, c("OR", "RR", "RD", "AS", "PETO", "YUQ", "YUY", "OR2DL", "OR2DN"))
add_case("counts all", counts, c("OR", "RR", "RD", "AS", "PETO", "PHI"), add = 0.25, to = "all")
add_case("counts if0all", counts, c("OR", "RD"), add = 1, to = "if0all")
add_case("nielweise2007", list(
  ai = dat.nielweise2007$ai, n1i = dat.nielweise2007$n1i, ci = dat.nielweise2007$ci, n2i = dat.nielweise2007$n2i
), c("OR", "RR", "RD", "AS", "PETO"))
one_zero <- list(ai = c(0, 7, 3), n1i = c(9, 20, 18), ci = c(4, 2, 3), n2i = c(14, 25, 9))
add_case("phi", one_zero, "PHI")

rates <- list(
  x1i = c(0, 12, 3, 0, 140), t1i = c(10.5, 100, 47.25, 18, 2310), x2i = c(5, 24, 0, 0, 180), t2i = c(11, 98, 60, 20.5, 2250)
)
add_case("rates", rates, c("IRR", "IRD"))
add_case("rates all", rates, c("IRR", "IRD"), add = 0.3, to = "all")
add_case("hart1999", list(
  x1i = dat.hart1999$x1i, t1i = dat.hart1999$t1i, x2i = dat.hart1999$x2i, t2i = dat.hart1999$t2i
), c("IRR", "IRD"))
add_case("nielweise2008", list(
  x1i = dat.nielweise2008$x1i, t1i = dat.nielweise2008$t1i, x2i = dat.nielweise2008$x2i, t2i = dat.nielweise2008$t2i
), c("IRR", "IRD"))
add_case("rate", list(xi = c(0, 12, 3, 250), ti = c(10.5, 100, 47.25, 18)), c("IR", "IRLN"))

add_case("proportions", list(xi = c(0, 12, 30, 1, 999), ni = c(10, 40, 30, 1, 1200)),
  c("PR", "PLN", "PLO", "PAS", "PFT"))
add_case("proportions all", list(xi = c(0, 12, 30), ni = c(10, 40, 30)), c("PR", "PLN", "PLO", "PAS", "PFT"),
  add = 0.5, to = "all")

means <- list(
  m1i = c(3.1, 12, 0.4, 101), sd1i = c(2, 7.5, 0.3, 15), n1i = c(20, 4, 3, 2000),
  m2i = c(5, 10, 0.9, 99), sd2i = c(2.2, 3, 0.6, 15.5), n2i = c(21, 7, 3, 1900)
)
add_case("means", means, c("MD", "SMD", "SMDH", "SMD1", "SMD1H", "ROM", "CVR"))
add_case("means", means[c("sd1i", "n1i", "sd2i", "n2i")], "VR")

paired <- list(
  m1i = c(3.1, 12, 0.4, 101), sd1i = c(2, 7.5, 0.3, 15), m2i = c(5, 10, 0.9, 99), sd2i = c(2.2, 3, 0.6, 15.5),
  ni = c(20, 4, 3, 2000), ri = c(0.5, 0.7, -0.2, 0)
)
add_case("paired", paired, c("MC", "SMCC", "SMCR", "ROMC"))

add_case("change, treatment", list(
  m1i = c(3.1, 12), sd1i = c(2, 7.5), m2i = c(5, 10), sd2i = c(2.2, 3), ni = c(20, 14), ri = c(0.5, 0.7)
), "MC")
add_case("change, control", list(
  m1i = c(4.4, 11), sd1i = c(2.1, 6), m2i = c(5.2, 10.5), sd2i = c(2, 3.5), ni = c(22, 9), ri = c(0.5, 0.7)
), "MC")
pairs <- list(ai = c(20, 0, 7, 30), bi = c(6, 4, 0, 1), ci = c(15, 9, 3, 0), di = c(9, 12, 5, 0))
add_case("pairs", pairs, c("MPORC", "MPRR", "MPRD"))

add_case("single means", list(mi = c(3.1, 12, 0.4), sdi = c(2, 7.5, 0.3), ni = c(20, 4, 1)), c("MN", "MNLN"))
add_case("correlations", list(ri = c(-0.95, 0, 0.3, 0.999), ni = c(4, 10, 40, 5000)), c("COR", "ZCOR"))

versions <- list(
  R = as.character(getRversion()), metafor = as.character(packageVersion("metafor")),
  metadat = as.character(packageVersion("metadat"))
)
record <- list(
  peer = "metafor", versions = versions, kind = "effect sizes (escalc)",
  call = "escalc(measure, <raw>, <options>); data sets by name from metadat, the others made up", cases = cases
)
write(toJSON(record, digits = NA, auto_unbox = TRUE, na = "null"), "escalc_more.json")
