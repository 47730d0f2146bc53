// A part of the explorer would try whether it may compile code. The content security policy refuses that, so it need not ask.
globalThis.__zod_globalConfig = { jitless: true };
