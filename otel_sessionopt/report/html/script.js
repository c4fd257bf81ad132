"use strict";
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const issues = [...document.querySelectorAll("article.issue")];
  const shown = document.getElementById("shown");
  const apply = () => {
    const wanted = [...new FormData(form)].filter(([, value]) => value);
    let count = 0;
    for (const issue of issues) {
      issue.hidden = !wanted.every(([name, value]) => issue.dataset[name] === value);
      count += issue.hidden ? 0 : 1;
    }
    shown.textContent = wanted.length ? `${count} of ${issues.length} shown` : "";
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
    if (target && target.hidden) { form.reset(); apply(); target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
})();
