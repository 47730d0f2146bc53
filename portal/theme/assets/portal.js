{
  // Examples name the address that this page came from, so that what is copied works here.
  const PLACEHOLDER = "http://127.0.0.1:8000";
  if (location.origin !== PLACEHOLDER) {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, {
      acceptNode: (node) =>
        node.parentElement.closest("code") && node.data.includes(PLACEHOLDER)
          ? NodeFilter.FILTER_ACCEPT
          : NodeFilter.FILTER_SKIP,
    });
    while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replaceAll(PLACEHOLDER, location.origin);
  }

  // A button on every example that copies it; and what is too wide can be scrolled with the keyboard.
  const reach = (box) => (box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1);
  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => reach(target)));
  const copy = async (code) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent.trimEnd());
    getSelection().selectAllChildren(code); // an address without TLS has no clipboard, but it can copy what is selected
    document.execCommand("copy");
    getSelection().removeAllRanges();
  };
  for (const table of document.querySelectorAll(".portal-table")) {
    reach(table);
    sizes.observe(table);
  }
  for (const code of document.querySelectorAll(".highlight pre > code")) {
    reach(code.parentElement);
    sizes.observe(code.parentElement);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "portal-copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await copy(code);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    code.closest(".highlight").append(button);
  }

  // Buttons that open the navigation and the search; the boxes they tick are Material's.
  for (const button of document.querySelectorAll("button[data-opens]")) {
    const box = document.getElementById(button.dataset.opens);
    button.addEventListener("click", () => {
      box.click();
      if (box.id === "__search" && box.checked) document.querySelector(".md-search__input").focus();
    });
    box.addEventListener("change", () => button.setAttribute("aria-expanded", String(box.checked)));
  }

  // An address that points into a tab opens it.
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLInputElement && target.name.startsWith("__tabbed_")) target.checked = true;
}
