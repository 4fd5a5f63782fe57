"use strict";
(() => {
  const page = document.documentElement;
  const rows = [...document.querySelectorAll(".jobs > details")];
  const search = document.getElementById("search");
  const chips = [...document.querySelectorAll(".chip[data-status]")];
  const unfold = document.getElementById("unfold");
  const none = document.querySelector(".none");
  const tip = document.getElementById("tip");
  page.classList.add("scripted");

  // Texts are read once, and only when somebody searches.
  let texts = null;
  const textOf = (at) => {
    texts ??= rows.map((row) => row.textContent.toLowerCase());
    return texts[at];
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.status);
    const path = wanted.includes("critical");
    const statuses = wanted.filter((status) => status !== "critical");
    let shown = 0;
    rows.forEach((row, at) => {
      const fits = (!path || row.classList.contains("critical"))
        && (!statuses.length || statuses.some((status) => row.classList.contains(status)))
        && words.every((word) => textOf(at).includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    none.hidden = shown > 0;
  };

  const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
  const isPressed = (button) => button.getAttribute("aria-pressed") === "true";

  search.addEventListener("input", filter);
  chips.forEach((chip) => chip.addEventListener("click", () => {
    press(chip, !isPressed(chip));
    filter();
  }));
  unfold.addEventListener("click", () => {
    press(unfold, !isPressed(unfold));
    rows.forEach((row) => { row.open = isPressed(unfold) && !row.hidden; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape") {
      tip.hidden = true;
      search.value = "";
      chips.forEach((chip) => press(chip, false));
      filter();
    }
  });

  // A link to a job opens it, even if a filter hides it.
  const visit = () => {
    const row = /^#job-\d+$/.test(location.hash) && document.querySelector(location.hash);
    if (row) {
      row.hidden = false;
      row.open = true;
      row.scrollIntoView({ block: "center" });
      row.querySelector("summary").focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", visit);
  addEventListener("beforeprint", () => {
    rows.filter((row) => row.matches(".failed, .timed_out, .canceled, .unknown")).forEach((row) => { row.open = true; });
  });
  visit();

  const fallback = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const text = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      fallback(text);
    }
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });

  const told = (target) => target.closest?.(".lane, .graph a");
  const tell = (element, x, y) => {
    tip.textContent = element.getAttribute("aria-label");
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${y + 22 + box.height > innerHeight ? y - box.height - 10 : y + 18}px`;
  };
  document.addEventListener("pointermove", (event) => {
    const element = told(event.target);
    if (element) tell(element, event.clientX, event.clientY);
    else tip.hidden = true;
  });
  document.addEventListener("focusin", (event) => {
    const element = event.target.matches(".graph a") ? event.target : event.target.querySelector?.(":scope > .lane");
    if (!element || !event.target.matches(":focus-visible")) return;
    const box = element.getBoundingClientRect();
    tell(element, box.left, box.bottom - 14);
  });
  document.addEventListener("focusout", () => { tip.hidden = true; });
})();
