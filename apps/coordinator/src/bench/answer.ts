/** How the line with a child's result begins: libraries write to the same output. */
export const ANSWER = 'lockstep-bench ';
