import { defineConfig } from "vitest/config";

const include = process.env.FAIRLEAD_BENCH ? "e2e/**/*.bench.ts" : process.env.FAIRLEAD_SHOTS ? "e2e/**/*.shots.ts" : "e2e/**/*.e2e.ts";

export default defineConfig({ test: { environment: "node", include: [include], testTimeout: 1_200_000, hookTimeout: 400_000, fileParallelism: false } });
