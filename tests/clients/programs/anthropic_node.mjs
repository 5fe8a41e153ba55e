// Anthropic's library for Node: Messages.

import Anthropic from "@anthropic-ai/sdk";
import { getWeather, PROMPT, SCHEMA, tell } from "./told.mjs";

const messages = [{ role: "user", content: PROMPT }];
const tools = [{ name: "get_weather", description: "The weather.", input_schema: SCHEMA }];

await tell(({ base, key, model }) => {
  const client = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0, timeout: 30_000 });
  const ask = (more) => client.messages.create({ model, max_tokens: 200, messages, ...more });
  return {
    plain: async () => (await ask()).content.at(-1).text,
    streamed: async () => {
      let text = "";
      const stream = client.messages.stream({ model, max_tokens: 200, messages });
      stream.on("text", (piece) => {
        text += piece;
      });
      await stream.finalMessage();
      return text;
    },
    tool: async () => {
      const first = await ask({ tools });
      const call = first.content.find((block) => block.type === "tool_use");
      const result = { type: "tool_result", tool_use_id: call.id, content: getWeather(call.input) };
      const turns = [
        { role: "assistant", content: first.content },
        { role: "user", content: [result] },
      ];
      return (await ask({ messages: [...messages, ...turns], tools })).content.at(-1).text;
    },
  };
});
