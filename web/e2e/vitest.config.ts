import { defineConfig } from "vitest/config";

const include = process.env.FAIRLEAD_BENCH ? "e2e/**/*.bench.ts" : "e2e/**/*.e2e.ts";

export default defineConfig({ test: { environment: "node", include: [include], testTimeout: 400_000, hookTimeout: 60_000, fileParallelism: false } });
