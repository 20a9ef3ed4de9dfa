// Hides the rows of the catalogue of priors that lack one of the words typed, and counts those that are left.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const field = document.getElementById("filter");
  if (!field) return;
  const rows = [...document.querySelectorAll("#published-priors tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = document.querySelector("output[for=filter]");
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) shown += 1;
    });
    count.textContent = `${shown} of ${rows.length}`;
  };
  field.closest(".filter").hidden = false;
  field.addEventListener("input", apply);
  apply(); // what a browser keeps in the field when it goes back
});
