const SLOTS = 16_384

/** The slot of the keys with this hash tag in a Redis Cluster: CRC-16/XMODEM, as the cluster specification has it. */
export function slotOfTag(tag: string): number {
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc % SLOTS
}
