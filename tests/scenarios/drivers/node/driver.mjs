// Runs the steps of one case file through the built Node package, one JSON line for each step.
//
//   CORE_URL=... VIVIFIED_TOKEN=... node driver.mjs CASE.json
//
// A case names arguments as the parity document does. Each method is spelled out here the way
// a person would call it, so that a change of its signature shows as a failing step.
import { readFileSync } from 'node:fs';
import * as sdk from '../../../../target/sdk/node/dist/esm/index.js';

const METHODS = {
  publish_event: (client, { event_type, payload, data_traits, id, partition_key }) =>
    client.publishEvent(event_type, payload, {
      dataTraits: data_traits,
      id,
      partitionKey: partition_key,
    }),
  subscribe: (client, { name, event_types, max_in_flight }) =>
    client.subscribe(name, event_types, { maxInFlight: max_in_flight }),
  call_plugin: (client, { plugin_id, operation, input }) =>
    client.callPlugin(plugin_id, operation, input),
  call_external: (client, { url, method, headers, body, data_traits }) =>
    client.callExternal(url, { method, headers, body, dataTraits: data_traits }),
  get_config: (client, { key }) => client.getConfig(key),
  set_config: (client, { key, value, if_match }) =>
    client.setConfig(key, value, { ifMatch: if_match }),
};

/** The classes every SDK has, before those of single codes. */
const CLASSES = [
  'AuthenticationError',
  'AuthorizationError',
  'ValidationError',
  'CommunicationError',
  'VivifiedError',
];

async function run(client, { method, args }) {
  try {
    return { ok: true, result: (await METHODS[method](client, args)) ?? null };
  } catch (error) {
    const name = CLASSES.find((candidate) => error instanceof sdk[candidate]);
    if (name === undefined) {
      throw error;
    }
    return { ok: false, error: name, code: error.code ?? null, status: error.status ?? null };
  }
}

const { steps } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const client = new sdk.VivifiedClient({ baseUrl: process.env.CORE_URL });
for (const step of steps) {
  console.log(JSON.stringify(await run(client, step)));
}
client.close();
