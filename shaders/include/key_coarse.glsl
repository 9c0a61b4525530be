// The three coarsest levels of a pyramid in one picture, each above the one before, a field beside the other: a driver
// waits for every draw that another reads, and these are so small that waiting is all they cost.
const int COARSE_LEVELS = 3;

// size: of the level that they are made from, one field of it.
ivec2 level_size(ivec2 size, int level) {
    return (size + (1 << level) - 1) >> level;
}

int first_row(ivec2 size, int level) {
    int row = 0;
    for (int i = 1; i < level; i++) row += level_size(size, i).y;
    return row;
}
