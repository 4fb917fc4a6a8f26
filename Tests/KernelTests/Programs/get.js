// Requests over one connection, after a line on standard input.
// usage: get.js PORT COUNT
const https = require('https');
const [port, count] = process.argv.slice(2).map(Number);
const agent = new https.Agent({keepAlive: true, maxSockets: 1, rejectUnauthorized: false});
function get(index) {
  if (index === count) { console.log('done'); process.exit(0); }
  https.get({port, host: '127.0.0.1', path: '/item-' + index, agent}, (response) => {
    response.resume();
    response.on('end', () => get(index + 1));
  });
}
process.stdin.once('data', () => get(0));
