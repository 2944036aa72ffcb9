// Where each number of a layer is on its canvas: maps side by side in rows, or cells in rows.

const GAP = 6; // between two maps
const UNIT = 18; // the side of a single number
const NAMED = 30; // of one that has a name below it
const LETTERS = 18; // the height of the name
const MAP = 54; // about the side of a map

export class Grid {
  // - `shape`: rows, columns, channels, or just a count; `room`: the width that there is;
  //   `isNamed`: whether a name is written below each number.
  constructor(shape, room, isNamed = false) {
    const isImage = shape.length === 3;
    this.isImage = isImage;
    [this.rows, this.columns, this.maps] = isImage ? shape : [1, 1, shape[0]];
    const map = Math.max(1, Math.round(MAP / Math.max(this.rows, this.columns)));
    if (isImage) this.cell = this.maps === 1 ? 4 * map : map;
    else this.cell = isNamed ? NAMED : UNIT;
    this.gap = isImage ? GAP : 2;
    this.across = this.columns * this.cell + this.gap;
    this.down = this.rows * this.cell + this.gap + (isNamed ? LETTERS : 0);
    this.perRow = Math.max(1, Math.min(this.maps, Math.floor((room + this.gap) / this.across)));
    this.width = this.perRow * this.across - this.gap;
    this.height = Math.ceil(this.maps / this.perRow) * this.down - this.gap;
  }

  // The left and top of a map, or of a number of a row of them.
  corner(map) {
    return [(map % this.perRow) * this.across, Math.floor(map / this.perRow) * this.down];
  }

  // The index of the number at a place on the canvas; null between the maps.
  indexAt(x, y) {
    const map = Math.floor(y / this.down) * this.perRow + Math.floor(x / this.across);
    if (x < 0 || y < 0 || x >= this.width + this.gap || map >= this.maps) return null;
    const [left, top] = this.corner(map);
    const row = Math.floor((y - top) / this.cell);
    const column = Math.floor((x - left) / this.cell);
    if (row >= this.rows || column >= this.columns) return null;
    return this.isImage ? [row, column, map] : [map];
  }

  // The index one step on, into the next map where this one ends; the same at the edge.
  step(index, across, down) {
    const [row, column, map] = this.isImage ? index : [0, 0, index[0]];
    let [place, line] = [column + across, row + down];
    let next = map;
    if (place < 0 || place >= this.columns) {
      next += across;
      place = across > 0 ? 0 : this.columns - 1;
    }
    if (line < 0 || line >= this.rows) {
      next += down * this.perRow;
      line = down > 0 ? 0 : this.rows - 1;
    }
    if (next < 0 || next >= this.maps) return index;
    return this.isImage ? [line, place, next] : [next];
  }
}
