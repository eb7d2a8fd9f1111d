import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The names carry no hash: the bundle is committed, and a rebuild must give the same files.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "../gateway_api/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      output: { entryFileNames: "app.js", assetFileNames: "app[extname]" },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
