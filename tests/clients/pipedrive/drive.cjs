// Calls the official Pipedrive client as standard input says: a line of JSON per call, and a line of JSON for what came of it.
'use strict';
const readline = require('node:readline');
const { createRequire } = require('node:module');
const clients = createRequire(`${process.env.CLIENT_ROOT}/package.json`)('pipedrive');

// A file travels as {"$file": {name, type, base64}} to the client, and bytes as {"$bytes": base64} back.
function handed(value) {
  if (Array.isArray(value)) return value.map(handed);
  if (value === null || typeof value !== 'object') return value;
  if (value.$file) {
    return new File([Buffer.from(value.$file.base64, 'base64')], value.$file.name, { type: value.$file.type });
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, handed(item)]));
}

function told(value) {
  if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') };
  return value === undefined ? null : value;
}

let grant; // the client's own OAuth, once the test has opened it

async function granted(step, argument) {
  if (step === 'open') grant = new clients.v2.OAuth2Configuration(argument);
  if (step === 'open' || step === 'url') return grant.authorizationUrl;
  return step === 'authorize' ? grant.authorize(argument.code) : grant.updateToken(await grant.tokenRefresh());
}

async function called(wish) {
  const [version, api, method] = wish.call.split('.');
  if (version === 'oauth') return granted(api, wish.argument);
  const part = clients[version];
  const basePath = wish.root + (version === 'v2' ? '/api/v2' : '/v1');
  const access = wish.key ? { apiKey: wish.key } : { accessToken: grant.getAccessToken };
  return new part[api](new part.Configuration({ ...access, basePath }))[method](handed(wish.argument));
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let said;
    try {
      said = { answer: told(await called(JSON.parse(line))) };
    } catch (error) {
      // The client rejects with the body of the answer; anything else is an Error.
      said = error instanceof Error ? { error: error.name, said: error.message } : { error: 'rejected', said: error };
    }
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
})();
