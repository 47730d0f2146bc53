// The explorer, from our own address: no fonts, no telemetry and no agent of anybody else.
{
  document.getElementById("explorer").replaceChildren();
  Scalar.createApiReference("#explorer", {
    url: "/v1/openapi.json",
    withDefaultFonts: false,
    telemetry: false,
    agent: { disabled: true, hideAddApi: true },
    mcp: { disabled: true },
    showDeveloperTools: "never",
    hideClientButton: true,
    theme: "none",
    persistAuth: false,
    authentication: { preferredSecurityScheme: "bearer" },
    defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
    defaultOpenAllTags: false,
    documentDownloadType: "none",
  });

  // What the explorer leaves without a name or out of the keyboard's reach; it draws its parts when they come into view.
  let due = false;
  const mend = () => {
    due = false;
    for (const link of document.querySelectorAll("#explorer a[href]:not([aria-label])")) {
      if (!link.innerText.trim()) link.setAttribute("aria-label", link.href.replace(/^mailto:/, ""));
    }
    for (const button of document.querySelectorAll("#explorer button[aria-controls]:not([aria-label])")) {
      if (!button.innerText.trim()) button.setAttribute("aria-label", "Details");
    }
    for (const list of document.querySelectorAll("#explorer .endpoints:not([tabindex])")) list.tabIndex = 0;
  };
  new MutationObserver(() => {
    if (!due) setTimeout(mend, 50);
    due = true;
  }).observe(document.getElementById("explorer"), { childList: true, subtree: true });
}
