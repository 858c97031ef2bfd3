/// <reference types="vitest/config" />
import { gzipSync } from "node:zlib";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// The server keeps the files compressed in its binary and sends them as they are.
function compress(dir: string): Plugin {
  const walk = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
  return {
    name: "compress",
    apply: "build",
    closeBundle() {
      for (const path of walk(dir).filter((p) => !p.endsWith(".gitkeep"))) {
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
        rmSync(path);
      }
      writeFileSync(join(dir, ".gitkeep"), "");
    },
  };
}

const server = process.env.FAIRLEAD_URL ?? "http://127.0.0.1:8080";
const proxy = Object.fromEntries(["/api", "/hooks", "/v2", "/healthz"].map((path) => [path, { target: server }]));

export default defineConfig({
  plugins: [react(), compress("dist")],
  server: { proxy, fs: { allow: [".."] } }, // the catalogue of sentences lies beside the server that says them
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 1200,
    rollupOptions: { output: { assetFileNames: "assets/[name]-[hash][extname]" } },
  },
  test: { environment: "jsdom", setupFiles: ["src/test/setup.ts"], include: ["src/**/*.test.{ts,tsx}"], css: false, testTimeout: 60_000 },
});
