/** begins */
export {};
