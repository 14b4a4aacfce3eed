-- At the memory limit Redis refuses the first write of a script if it could grow memory, and none after it. What must
-- work even then (a renewal, a reassertion) begins with a write that only shrinks; acquire begins with one that grows,
-- so it is refused before it has changed anything.
redis.call('HDEL', KEYS[1], '')
