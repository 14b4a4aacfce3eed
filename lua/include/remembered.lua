-- Somebody has taken `meta` away, and with it the clock by which leases end and the version of what operators have set: the
-- store has lost its memory, which every node hears until one says hello. The epoch is what hello alone writes there.
-- Expects `before`, of the store's clock.
if not before[3] then
  return { 'lost' }
end
