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
}
