/** Fen as yuan: 1250 is ¥12.50. Integers all the way: no float touches money. */
exports.yuan = (fen) => `¥${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`
