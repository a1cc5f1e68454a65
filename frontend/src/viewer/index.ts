// The image viewer's public face; everything that imports Cornerstone lives in this directory.
export {};
