// Vercel's AI SDK: its providers for Responses, Messages and chat, named by the second argument.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool } from "ai";
import { getWeather, PROMPT, SCHEMA, tell } from "./told.mjs";

const PROVIDERS = {
  responses: createOpenAI,
  messages: createAnthropic,
  chat: (where) => createOpenAICompatible({ name: "console", supportsStructuredOutputs: true, ...where }),
};

await tell(({ base, key, model: name }) => {
  const provider = PROVIDERS[process.argv[3]]({ baseURL: `${base}/v1`, apiKey: key });
  const asked = { model: provider(name), prompt: PROMPT, maxRetries: 0 };
  const tools = {
    get_weather: tool({ description: "The weather.", inputSchema: jsonSchema(SCHEMA), execute: getWeather }),
  };
  return {
    plain: async () => (await generateText(asked)).text,
    streamed: async () => {
      let text = "";
      for await (const piece of streamText(asked).textStream) text += piece;
      return text;
    },
    tool: async () => (await generateText({ ...asked, tools, stopWhen: stepCountIs(3) })).text,
    object: async () => (await generateObject({ ...asked, schema: jsonSchema(SCHEMA) })).object.city,
    "streamed object": async () => {
      let found = {};
      for await (const part of streamObject({ ...asked, schema: jsonSchema(SCHEMA) }).partialObjectStream) found = part;
      return found.city;
    },
  };
});
