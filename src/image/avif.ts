/** Reads the properties of an AVIF beyond its pixels (ISO/IEC 14496-12, 23008-12; AV1 Image File Format). */

/** A still picture in an AVIF. */
export interface AvifImage {
  /**
   * One channel, of which 16 is black and 235 white (in 8 bits): libheif leaves such values as they are.
   */
  limitedGrey: boolean;
}

interface Box {
  type: string;
  /** Range of the box's content in the file. */
  from: number;
  to: number;
}

/**
 * Looks for the primary picture.
 *
 * @returns A kind that is not read; null where the boxes make no sense.
 */
export function readAvif(file: Uint8Array): AvifImage | { unsupported: string } | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    const top = [...boxes(view, 0, file.byteLength)];
    // libvips knows an AVIF by its first brand, and a sequence has another.
    if (text(view, 8) === 'avis') return { unsupported: 'an animation (image sequence)' };
    const meta = top.find(({ type }) => type === 'meta');
    if (meta === undefined) return null;
    return { limitedGrey: isLimitedGrey(view, [...boxes(view, meta.from + 4, meta.to)]) };
  } catch (error) {
    // A DataView tells of an offset beyond its end.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function* boxes(view: DataView, from: number, to: number): Generator<Box> {
  for (let at = from; at + 8 <= to;) {
    const short = view.getUint32(at);
    const head = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? to - at : short;
    if (size < head) throw new RangeError('a box shorter than its header');
    yield { type: text(view, at + 4), from: at + head, to: Math.min(at + size, to) };
    at += size;
  }
}

function text(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function isLimitedGrey(view: DataView, meta: Box[]): boolean {
  const find = (type: string) => meta.find((box) => box.type === type);
  const [primary, properties] = [find('pitm'), find('iprp')];
  if (primary === undefined || properties === undefined) return false;
  const id = view.getUint8(primary.from) === 0 ? view.getUint16(primary.from + 4) : view.getUint32(primary.from + 4);
  const ofPrimary = propertiesOf(view, properties, id);
  const range = ofPrimary.find((box) => box.type === 'colr' && text(view, box.from) === 'nclx');
  // A picture put together of tiles has its coding in the tiles.
  const references = find('iref');
  const tile = references === undefined ? undefined : firstTile(view, references, id);
  const ofCoding = tile === undefined ? ofPrimary : propertiesOf(view, properties, tile);
  const coding = ofCoding.find((box) => box.type === 'av1C');
  if (range === undefined || coding === undefined) return false;
  const monochrome = (view.getUint8(coding.from + 2) & 0x10) !== 0;
  const fullRange = (view.getUint8(range.from + 10) & 0x80) !== 0;
  return monochrome && !fullRange;
}

/** The properties that `ipma` gives to an item. */
function propertiesOf(view: DataView, iprp: Box, id: number): Box[] {
  const inside = [...boxes(view, iprp.from, iprp.to)];
  const container = inside.find(({ type }) => type === 'ipco');
  if (container === undefined) return [];
  const all = [...boxes(view, container.from, container.to)];
  const found: Box[] = [];
  for (const { from } of inside.filter(({ type }) => type === 'ipma')) {
    const [wideIds, wideIndices] = [view.getUint8(from) > 0, (view.getUint8(from + 3) & 1) === 1];
    const entries = view.getUint32(from + 4);
    let at = from + 8;
    for (let entry = 0; entry < entries; entry++) {
      const item = wideIds ? view.getUint32(at) : view.getUint16(at);
      at += wideIds ? 4 : 2;
      const associations = view.getUint8(at++);
      for (let index = 0; index < associations; index++) {
        const property = wideIndices ? view.getUint16(at) & 0x7fff : view.getUint8(at) & 0x7f;
        at += wideIndices ? 2 : 1;
        const box = all[property - 1];
        if (item === id && box !== undefined) found.push(box);
      }
    }
  }
  return found;
}

/** The first item that a derived one is made from. */
function firstTile(view: DataView, iref: Box, id: number): number | undefined {
  const wide = view.getUint8(iref.from) > 0;
  const item = (at: number) => (wide ? view.getUint32(at) : view.getUint16(at));
  const size = wide ? 4 : 2;
  for (const { type, from } of boxes(view, iref.from + 4, iref.to)) {
    if (type === 'dimg' && item(from) === id && view.getUint16(from + size) > 0) return item(from + size + 2);
  }
  return undefined;
}
