// What a client's program prints: its answers at each group, and what it throws, as JSON.
// Its argument names the place as JSON: {"base", "key", "models": {kind: group}, "busy": group}. With "ways" it asks in
// those alone, and for no errors.

export const PROMPT = "What is the weather in Paris?";

export const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

export const getWeather = ({ city }) => `sunny in ${city}`;

async function thrown(ask) {
  try {
    await ask();
  } catch (error) {
    return [error.constructor.name, error.status ?? error.statusCode ?? null];
  }
  return ["nothing was thrown", null];
}

/** Asks in each way at every group, then with a wrong key and at a group whose provider is busy. */
export async function tell(ways) {
  const { base, key, models, busy, ways: wanted } = JSON.parse(process.argv[2]);
  const said = {};
  for (const [kind, model] of Object.entries(models)) {
    const known = ways({ base, key, model });
    said[kind] = {};
    for (const way of wanted ?? Object.keys(known)) said[kind][way] = await known[way]();
  }
  if (!wanted) {
    const model = Object.values(models)[0];
    said["wrong key"] = await thrown(ways({ base, key: "sk-wrong", model }).plain);
    said.busy = await thrown(ways({ base, key, model: busy }).plain);
  }
  process.stdout.write(JSON.stringify(said));
}
