// OpenAI's library for Node: chat and Responses, named by the second argument.

import OpenAI from "openai";
import { getWeather, PROMPT, SCHEMA, tell } from "./told.mjs";

const messages = [{ role: "user", content: PROMPT }];

function chat(client, model) {
  const tools = [{ type: "function", function: { name: "get_weather", parameters: SCHEMA } }];
  const ask = async (more) => (await client.chat.completions.create({ model, messages, ...more })).choices[0].message;
  return {
    plain: async () => (await ask()).content,
    streamed: async () => {
      let text = "";
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      return text;
    },
    tool: async () => {
      const first = await ask({ tools });
      const [call] = first.tool_calls;
      const result = getWeather(JSON.parse(call.function.arguments));
      const back = { role: "tool", tool_call_id: call.id, content: result };
      return (await ask({ messages: [...messages, first, back], tools })).content;
    },
  };
}

function responses(client, model) {
  const tools = [{ type: "function", name: "get_weather", parameters: SCHEMA, strict: false }];
  return {
    plain: async () => (await client.responses.create({ model, input: PROMPT })).output_text,
    streamed: async () => {
      let text = "";
      const stream = client.responses.stream({ model, input: PROMPT });
      stream.on("response.output_text.delta", (event) => {
        text += event.delta;
      });
      await stream.finalResponse();
      return text;
    },
    tool: async () => {
      const first = await client.responses.create({ model, input: messages, tools });
      const call = first.output.find((item) => item.type === "function_call");
      const output = getWeather(JSON.parse(call.arguments));
      const back = { type: "function_call_output", call_id: call.call_id, output };
      return (await client.responses.create({ model, input: [...messages, ...first.output, back], tools })).output_text;
    },
  };
}

await tell(({ base, key, model }) => {
  const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0, timeout: 30_000 });
  return process.argv[3] === "responses" ? responses(client, model) : chat(client, model);
});
