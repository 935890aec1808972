// Small helps; every page can be read without them.
"use strict";

// Boxes that are wider than the page can be scrolled by keyboard, and say what they are.
function reachable() {
  for (const formula of document.querySelectorAll("span.math")) {
    const block = formula.parentElement.closest("p, li, td, th, summary, h1, h2, h3, h4, dd") || document.body;
    formula.classList.toggle("wide", formula.getBoundingClientRect().width > block.clientWidth);
  }
  for (const box of document.querySelectorAll(".cell_output, .scroll, .pst-scrollable-table-container, div.math, mjx-container, span.math.wide, pre")) {
    const wide = box.scrollWidth > box.clientWidth + 1;
    if (wide && box.tabIndex < 0) {
      box.tabIndex = 0;
      box.dataset.made = "reachable";
    } else if (!wide && box.dataset.made) {
      box.removeAttribute("tabindex");
      delete box.dataset.made;
    }
  }
}

// On the map, the arrows of the lesson under the pointer, or in focus, are lit.
function lightArrows() {
  for (const box of document.querySelectorAll(".map a[data-lesson]")) {
    const light = (on) => document.querySelectorAll(`.map .of-${box.dataset.lesson}`)
      .forEach((arrow) => arrow.classList.toggle("lit", on));
    for (const [name, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]])
      box.addEventListener(name, () => light(on));
  }
}

// A link to a cell inside of a folded box opens the box.
function unfoldTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const box = target && target.closest("details");
  if (box) { box.open = true; target.scrollIntoView(); }
}

// Paper is white, and what is folded is printed, too, but for solutions; afterwards all is as it was.
let unprinted = () => {};
addEventListener("beforeprint", () => {
  const [theme, folded] = [document.documentElement.dataset.theme, document.querySelectorAll("details:not(.solution, [open])")];
  document.documentElement.dataset.theme = "light";
  for (const box of folded) box.open = true;
  unprinted = () => { document.documentElement.dataset.theme = theme; for (const box of folded) box.open = false; };
});
addEventListener("afterprint", () => unprinted());
addEventListener("DOMContentLoaded", () => { lightArrows(); unfoldTarget(); reachable(); });
addEventListener("load", () => {
  setTimeout(reachable, 500);
  if (window.MathJax && MathJax.startup) MathJax.startup.promise.then(reachable);
});
addEventListener("resize", reachable);
addEventListener("hashchange", unfoldTarget);

// Cells know which column they are of, and say it where rows are cards; the first, a number, needs no name.
for (const table of document.querySelectorAll(".course-table")) {
  const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
  for (const row of table.querySelectorAll("tbody tr"))
    [...row.cells].forEach((cell, number) => { if (number) cell.dataset.head = heads[number]; });
}

// Tables with a filter above them: rows that have all the words, and the verdict, stay.
for (const form of document.querySelectorAll("form.filter")) {
  const [words, verdict, said] = [form.querySelector("input"), form.querySelector("select"), form.querySelector("output")];
  const rows = [...document.querySelectorAll(".course-table tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const choose = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    rows.forEach((row, number) => {
      row.hidden = !(wanted.every((word) => texts[number].includes(word))
        && (!verdict || !verdict.value || row.dataset.verdict === verdict.value));
      left += !row.hidden;
    });
    said.textContent = left === rows.length ? "" : `${left} of ${rows.length} rows`;
  };
  form.hidden = false;
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
}

// Sliders whose pictures are ready: the last control changes fastest.
for (const form of document.querySelectorAll("form.stepper")) {
  const [sliders, shown] = [[...form.querySelectorAll("input")], form.querySelector("img")];
  const spoken = (slider) => JSON.parse(slider.dataset.values)[slider.value];
  const address = (number) => `${form.dataset.stem}-${String(number).padStart(3, "0")}.png`;
  const place = () => sliders.reduce((sum, slider) => sum * (Number(slider.max) + 1) + Number(slider.value), 0);
  const speak = () => sliders.forEach((slider) => {
    slider.nextElementSibling.textContent = spoken(slider);
    slider.setAttribute("aria-valuetext", spoken(slider));
  });
  const fetchAll = () => {
    const last = sliders.reduce((product, slider) => product * (Number(slider.max) + 1), 1);
    for (let number = 0; number < last; number++) new Image().src = address(number);
  };
  sliders.forEach((slider) => slider.addEventListener("focus", fetchAll, { once: true }));
  sliders.forEach((slider) => slider.addEventListener("pointerenter", fetchAll, { once: true }));
  form.addEventListener("input", () => {
    speak();
    shown.src = address(place());
    const now = sliders.map((slider) => `${slider.parentElement.firstChild.textContent.trim()} ${spoken(slider)}`);
    shown.alt = `${form.dataset.alt} Now: ${now.join(", ")}.`;
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.reset(); // a browser that comes back keeps the sliders, and not the picture
  speak();
}
