// Records what the official JavaScript client sends, for the tests beside this file.
//
//     npm install ws centrifuge@5.8.0
//     node record.cjs json > json.txt
//     node record.cjs protobuf > protobuf.txt
//
// A stub server answers every command with a plausible result. Each line of the output is one WebSocket frame of the
// client: its text with each line break written as ⏎, or its bytes in hexadecimal. Lines that begin with # name the step.
const { WebSocketServer, WebSocket } = require('ws');
const binary = process.argv[2] === 'protobuf';
const { Centrifuge } = require(binary ? 'centrifuge/build/protobuf' : 'centrifuge');
const say = (line) => process.stdout.write(line + '\n');
const step = (name) => say(`# ${name}`);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const bytes = (text) => (binary ? new TextEncoder().encode(text) : JSON.parse(text));

const server = new WebSocketServer({ port: 0, handleProtocols: (offered) => [...offered][0] });
let socket, codec, connections = 0;

function result(command) {
  if (command.connect) {
    connections += 1;
    const first = connections === 1;
    return { connect: { client: 'c1', version: 'stub', ping: 25, pong: true, session: 's', node: 'n', expires: first, ttl: first ? 1 : 0,
      subs: { 'server:side': { recoverable: true, epoch: 'e0', offset: 5, positioned: true } } } };
  }
  if (command.subscribe) {
    const expires = command.subscribe.channel === 'private' && connections === 1;
    return { subscribe: { recoverable: true, positioned: true, epoch: 'e1', offset: 2, expires, ttl: expires ? 1 : 0, delta: !!command.subscribe.delta } };
  }
  if (command.publish) return { publish: {} };
  if (command.presence) return { presence: { presence: {} } };
  if (command.presence_stats) return { presence_stats: { num_clients: 1, num_users: 1 } };
  if (command.history) return { history: { publications: [], epoch: 'e1', offset: 2 } };
  if (command.rpc) return { rpc: { data: bytes('{"year":2026}') } };
  if (command.refresh) return { refresh: { expires: false } };
  if (command.sub_refresh) return { sub_refresh: { expires: false } };
  if (command.unsubscribe) return { unsubscribe: {} };
}

function send(replies) {
  socket.send(binary ? codec.encodeReplies(replies) : replies.map((reply) => JSON.stringify(reply)).join('\n'));
}

server.on('connection', (accepted) => {
  socket = accepted;
  socket.on('message', (frame) => {
    say(binary ? frame.toString('hex') : frame.toString().replaceAll('\n', '⏎'));
    const commands = binary ? codec.decodeCommands(frame) : frame.toString().split('\n').map((line) => JSON.parse(line));
    const replies = commands.filter((command) => command.id && !command.send).map((command) => ({ id: command.id, ...result(command) }));
    if (replies.length > 0) send(replies);
  });
});

(async () => {
  const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl';
  const client = new Centrifuge(`ws://127.0.0.1:${server.address().port}/connection/websocket`, {
    websocket: WebSocket, token, getToken: async () => token + '2', data: bytes('{"from":"tests"}'), name: 'recorder', version: '1.0',
    headers: { 'X-Tenant': 'blue' }, minReconnectDelay: 1, maxReconnectDelay: 2,
  });
  codec = client._codec;
  const news = client.newSubscription('news', { recoverable: true, positioned: true, joinLeave: true, delta: 'fossil', data: bytes('{"as":"reader"}') });
  const hidden = client.newSubscription('private', { token: 'subtoken', getToken: async () => 'subtoken2' });
  const tagged = client.newSubscription('tagged', { tagsFilter: { op: 'and', nodes: [{ key: 'city', cmp: 'in', vals: ['Bern', 'Genève'] }, { key: 'year', cmp: 'gt', val: '2000' }] } });
  step('connect with two subscriptions in one frame');
  news.subscribe(); hidden.subscribe();
  client.connect();
  await client.ready(); await news.ready(); await hidden.ready();
  step('tags filter');
  tagged.subscribe(); await tagged.ready();
  step('publish through a subscription, and to a channel');
  await news.publish(bytes('{"text":"Grüße, \\"you\\"\\n"}'));
  await client.publish('chat:lobby', bytes('[1,2.5,null,true]'));
  step('history: the position, a page after a position, the newest in reverse');
  await news.history({ limit: 0 });
  await news.history({ limit: 10, since: { offset: 1, epoch: 'e1' } });
  await news.history({ limit: -1, reverse: true });
  step('presence and its statistics');
  await news.presence(); await news.presenceStats();
  step('rpc, and a message without a reply');
  await client.rpc('year', bytes('{"of":"now"}'));
  await client.send(bytes('{"hello":1}')); await wait(10);
  step('commands in one batch');
  client.startBatching();
  const batch = [client.publish('a', bytes('1')), client.publish('b', bytes('"two"'))];
  client.stopBatching(); await Promise.all(batch);
  step('pong');
  send([{}]); await wait(50);
  step('refreshing the tokens of the connection and of a subscription');
  await wait(1300);
  step('unsubscribe');
  tagged.unsubscribe(); await wait(50);
  step('reconnecting with recovery, also of a server-side subscription');
  send([{ push: { channel: 'server:side', pub: { data: bytes('1'), offset: 7 } } }]); await wait(50);
  socket.close(3012, 'no pong'); await wait(200); await client.ready(); await news.ready();
  step('declined: a map subscription, and a shared poll subscription');
  client.newMapSubscription('map:board').subscribe(); await wait(50);
  client.newSharedPollSubscription('poll:prices', { getSignature: async () => ({ signature: 'sig', keys: ['k'] }) }).subscribe(); await wait(50);
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
