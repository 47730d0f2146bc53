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

  // Buttons that open the navigation and the search; the boxes they tick are Material's.
  for (const button of document.querySelectorAll("button[data-opens]")) {
    const box = document.getElementById(button.dataset.opens);
    button.addEventListener("click", () => box.click());
    box.addEventListener("change", () => button.setAttribute("aria-expanded", String(box.checked)));
  }

  // An address that points into a tab opens it.
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLInputElement && target.name.startsWith("__tabbed_")) target.checked = true;
}
