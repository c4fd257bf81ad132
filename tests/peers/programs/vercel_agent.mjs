// An agent of the Vercel AI SDK: `node vercel_agent.mjs openai|anthropic`. Run with the folder of its packages as cwd.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));

const { NodeSDK } = await load("@opentelemetry/sdk-node");
const { OTLPTraceExporter } = await load("@opentelemetry/exporter-trace-otlp-proto");
const { trace } = await load("@opentelemetry/api");
const ai = await load("ai");
const { z } = await load("zod");

const sdk = new NodeSDK({ traceExporter: new OTLPTraceExporter(), instrumentations: [] });
sdk.start();

if (ai.registerTelemetry) {
  // From version 7 on telemetry is an integration.
  const { OpenTelemetry } = await load("@ai-sdk/otel");
  ai.registerTelemetry(new OpenTelemetry());
}

const provider = process.argv[2];
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");
const model =
  provider === "openai"
    ? createOpenAI({ baseURL: process.env.OPENAI_BASE_URL }).responses("gpt-5-mini")
    : createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` })("claude-sonnet-4-5");

const readFile = ai.tool({
  description: "Reads a file.",
  inputSchema: z.object({ path: z.string() }),
  execute: async ({ path }) =>
    Array.from({ length: 119 }, (_, i) => `${String(i + 1).padStart(6)}\tvalue_${i + 1} = compute(${i + 1})  # ${path}`).join(
      "\n",
    ),
});
const common = {
  model,
  maxRetries: 0,
  tools: { read_file: readFile },
  stopWhen: ai.stepCountIs(5),
  experimental_telemetry: { isEnabled: true },
};

await trace.getTracer("agent").startActiveSpan("agent", async (span) => {
  await ai.generateText({ ...common, prompt: "Check the values." });
  try {
    await ai.generateText({ ...common, prompt: "FAIL" });
  } catch (error) {
    if (error.statusCode !== 400) throw error;
  }
  span.end();
});
await sdk.shutdown();
