# Write the CSV files beside this script: complete public meta-analyses, to hide the trials of and recover.
# `Rscript tests/golden/recovery/build.R` rewrites them and checks the bundled bcg and normand1999 against R too.
# Needs R with metafor 3.8.1, metadat 1.2.0 and jsonlite (Debian 12: r-cran-metafor r-cran-metadat r-cran-jsonlite).

suppressPackageStartupMessages({
  library(metadat)
  library(metafor)
  library(jsonlite)
})
stopifnot(packageVersion("metadat") == "1.2.0", packageVersion("metafor") == "3.8.1")

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
here <- dirname(normalizePath(script))
golden <- dirname(here)
bundled <- file.path(dirname(dirname(golden)), "bayesmeta", "data", "datasets")

# `es` has yi and vi; `binary` and `others` are data frames of moderators, made of whole numbers.
dataset <- function(measure, study, es, n_t, n_c, binary, others = NULL) {
  stopifnot(!anyDuplicated(study), !anyNA(es$yi), all(es$vi > 0), all(unlist(binary) %in% c(0, 1)))
  table <- data.frame(study, y = as.numeric(es$yi), se = sqrt(es$vi), n_t, n_c, binary)
  list(measure = measure, table = if (is.null(others)) table else cbind(table, others), binary = names(binary))
}

flag <- function(condition) as.integer(condition)

bcg <- function() {
  d <- dat.colditz1994
  es <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = d)
  dataset("log_rr", paste(d$author, d$year), es, d$tpos + d$tneg, d$cpos + d$cneg,
    data.frame(latitude_33_up = flag(d$ablat >= 33), random = flag(d$alloc == "random"),
      year_1969_up = flag(d$year >= 1969)),
    data.frame(latitude = d$ablat, year = d$year))
}

crins2014 <- function() { # not in metadat; the golden file holds R's bayesmeta's own y, se and groups
  d <- fromJSON(file.path(golden, "bmr_crins_IL2RA_groups.json"))
  dataset("log_or", d$labels, list(yi = d$y, vi = d$sigma^2), "", "",
    data.frame(daclizumab = flag(d$X[, d$X_names == "dac"] == 1)))
}

raudenbush1985 <- function() {
  d <- dat.raudenbush1985 # it has yi and vi themselves, rounded
  label <- paste(d$author, d$year)
  twice <- label %in% label[duplicated(label)]
  study <- ifelse(twice, sprintf("%s (%s)", label, d$tester), label)
  dataset("smd", study, d, d$n1i, d$n2i,
    data.frame(weeks_2_up = flag(d$weeks >= 2), aware = flag(d$tester == "aware"), group = flag(d$setting == "group")),
    data.frame(weeks = d$weeks))
}

laopaiboon2015 <- function() {
  d <- dat.laopaiboon2015
  es <- escalc(measure = "RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d)
  dataset("log_rr", paste(d$author, d$year), es, d$n1i, d$n2i,
    data.frame(chronic = d$diag.cb, pneumonia = d$diag.pn, children = flag(d$age == "children"),
      clavulanate = flag(d$ctrl == "amoxyclav")))
}

collins1985b <- function() {
  d <- dat.collins1985b
  es <- escalc(measure = "OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci, data = d)
  dataset("log_or", paste(d$author, d$year), es, d$pre.nti, d$pre.nci,
    data.frame(oedema = d$oedema, n_500_up = flag(d$pre.nti + d$pre.nci >= 500)))
}

gibson2002 <- function() {
  d <- subset(dat.gibson2002, !is.na(m1i)) # two of the 15 studies report no means
  es <- escalc(measure = "SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = d)
  dataset("smd", paste(d$author, d$year), es, d$n1i, d$n2i,
    data.frame(optimal = flag(d$type == 1), year_1996_up = flag(d$year >= 1996)))
}

normand1999 <- function() {
  d <- dat.normand1999
  es <- escalc(measure = "MD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = d)
  abroad <- grepl("Montreal", d$source) | d$source %in% c("Umea", "Uppsala")
  dataset("md", d$source, es, d$n1i, d$n2i, data.frame(uk = flag(!abroad), n_100_up = flag(d$n1i + d$n2i >= 100)))
}

nielweise2007 <- function() {
  d <- subset(dat.nielweise2007, ai + ci > 0) # Yucel 2004 has no events
  es <- escalc(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d)
  dataset("log_or", paste(d$author, d$year), es, d$n1i, d$n2i,
    data.frame(year_2000_up = flag(d$year >= 2000), n_250_up = flag(d$n1i + d$n2i >= 250)), data.frame(year = d$year))
}

molloy2014 <- function() {
  d <- dat.molloy2014
  es <- escalc(measure = "ZCOR", ri = ri, ni = ni, data = d)
  dataset("fisher_z", paste(d$authors, d$year), es, "", "",
    data.frame(prospective = flag(d$design == "prospective"), self_report = flag(d$a_measure == "self-report"),
      neo = flag(d$c_measure == "NEO")), data.frame(quality = d$quality))
}

csv <- function(table, name) {
  cells <- lapply(table, function(x) if (is.numeric(x)) vapply(x, format, "", digits = 15, scientific = FALSE) else x)
  lines <- do.call(paste, c(cells, sep = ","))
  stopifnot(!grepl("[,\"]", unlist(cells)))
  file <- file(file.path(here, paste0(name, ".csv")), "wb")
  writeLines(enc2utf8(c(paste(names(table), collapse = ","), lines)), file, useBytes = TRUE)
  close(file)
}

datasets <- list(bcg = bcg(), crins2014 = crins2014(), raudenbush1985 = raudenbush1985(),
  laopaiboon2015 = laopaiboon2015(), collins1985b = collins1985b(), gibson2002 = gibson2002(),
  normand1999 = normand1999(), nielweise2007 = nielweise2007(), molloy2014 = molloy2014())
for (name in names(datasets)) csv(datasets[[name]]$table, name)
csv(data.frame(dataset = names(datasets), measure = sapply(datasets, `[[`, "measure"),
  n_studies = sapply(datasets, function(d) nrow(d$table)),
  binary_moderators = sapply(datasets, function(d) paste(d$binary, collapse = " "))), "index")

# The bundled data sets that metadat holds too.
same <- function(ours, theirs) stopifnot(isTRUE(all.equal(ours, theirs, tolerance = 1e-12, check.attributes = FALSE)))
ours <- read.csv(file.path(bundled, "bcg.csv"))
d <- dat.colditz1994
same(ours[c("events_t", "n_t", "events_c", "n_c", "latitude", "year")],
  data.frame(d$tpos, d$tpos + d$tneg, d$cpos, d$cpos + d$cneg, d$ablat, d$year))
same(ours[c("study", "allocation")], data.frame(paste(d$author, d$year), d$alloc))
same(ours[c("y", "se")], datasets$bcg$table[c("y", "se")])
ours <- read.csv(file.path(bundled, "normand1999.csv"))
d <- dat.normand1999
same(ours[c("study", "mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")],
  d[c("source", "m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")])
same(ours[c("y", "se")], datasets$normand1999$table[c("y", "se")])
