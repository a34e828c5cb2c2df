// A worker: it ticks on time, also while its tab is in the background, where timers of pages come once a second.

onmessage = ({ data: milliseconds }) => setInterval(() => postMessage(0), milliseconds);
