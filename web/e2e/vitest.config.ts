import { defineConfig } from "vitest/config";

const kind = process.env.FAIRLEAD_BENCH ? "bench" : process.env.FAIRLEAD_SHOTS ? "shots" : "e2e";
const maxWorkers = kind === "e2e" ? 2 : 1;

// Tests wait for the server and its containers more than they work, so two files go on at once; what is measured has the machine alone.
export default defineConfig({ test: { environment: "node", include: [`e2e/**/*.${kind}.ts`], testTimeout: 1_200_000, hookTimeout: 400_000, fileParallelism: maxWorkers > 1, maxWorkers } });
