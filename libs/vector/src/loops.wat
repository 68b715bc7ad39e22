;; The loops over float32 vectors, four or two values an instruction. `npm run wasm` turns this file into
;; loops-wasm.ts, which is what runs.
;;
;; Places are byte addresses, `count` is a positive multiple of 16 values: pieces.ts brings every operand into this
;; form. Values marked f64 are promoted, computed in float64 and rounded once, at the store, because that is what the
;; same line does in JavaScript. No relaxed or fused operation is used: every processor gives the same bits.
(module
  (import "lockstep" "memory" (memory 1))

  ;; into[i] = into[i] + other[i]
  (func (export "add") (param $into i32) (param $other i32) (param $count i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $into)
        (f32x4.add (v128.load (local.get $into)) (v128.load (local.get $other))))
      (v128.store offset=16 (local.get $into)
        (f32x4.add (v128.load offset=16 (local.get $into)) (v128.load offset=16 (local.get $other))))
      (v128.store offset=32 (local.get $into)
        (f32x4.add (v128.load offset=32 (local.get $into)) (v128.load offset=32 (local.get $other))))
      (v128.store offset=48 (local.get $into)
        (f32x4.add (v128.load offset=48 (local.get $into)) (v128.load offset=48 (local.get $other))))
      (local.set $into (i32.add (local.get $into) (i32.const 64)))
      (local.set $other (i32.add (local.get $other) (i32.const 64)))
      (br_if $next (i32.ne (local.get $into) (local.get $end)))))

  ;; vector[i] = f64(vector[i]) x factor
  (func (export "scale") (param $vector i32) (param $count i32) (param $factor f64)
    (local $end i32) (local $factors v128)
    (local.set $factors (f64x2.splat (local.get $factor)))
    (local.set $end (i32.add (local.get $vector) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store64_lane 0 (local.get $vector)
        (f32x4.demote_f64x2_zero
          (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $vector))) (local.get $factors))))
      (v128.store64_lane offset=8 0 (local.get $vector)
        (f32x4.demote_f64x2_zero
          (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $vector))) (local.get $factors))))
      (local.set $vector (i32.add (local.get $vector) (i32.const 16)))
      (br_if $next (i32.ne (local.get $vector) (local.get $end)))))

  ;; vector[i] = f64(vector[i]) / divisor; lanes[i mod 4] += f64(vector[i])^2, four float64 sums at $lanes
  (func (export "mean") (param $vector i32) (param $count i32) (param $divisor f64) (param $lanes i32)
    (local $end i32) (local $divisors v128) (local $quotient v128) (local $low v128) (local $high v128)
    (local.set $divisors (f64x2.splat (local.get $divisor)))
    (local.set $low (v128.load (local.get $lanes)))
    (local.set $high (v128.load offset=16 (local.get $lanes)))
    (local.set $end (i32.add (local.get $vector) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $quotient
        (f32x4.demote_f64x2_zero
          (f64x2.div (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $vector))) (local.get $divisors))))
      (v128.store64_lane 0 (local.get $vector) (local.get $quotient))
      (local.set $quotient (f64x2.promote_low_f32x4 (local.get $quotient)))
      (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $quotient) (local.get $quotient))))
      (local.set $quotient
        (f32x4.demote_f64x2_zero
          (f64x2.div (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $vector))) (local.get $divisors))))
      (v128.store64_lane offset=8 0 (local.get $vector) (local.get $quotient))
      (local.set $quotient (f64x2.promote_low_f32x4 (local.get $quotient)))
      (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $quotient) (local.get $quotient))))
      (local.set $vector (i32.add (local.get $vector) (i32.const 16)))
      (br_if $next (i32.ne (local.get $vector) (local.get $end))))
    (v128.store (local.get $lanes) (local.get $low))
    (v128.store offset=16 (local.get $lanes) (local.get $high)))

  ;; 1 when no exponent is all ones, which only infinities and NaNs have
  (func (export "finite") (param $vector i32) (param $count i32) (result i32)
    (local $end i32) (local $ones v128) (local $odd v128)
    (local.set $ones (v128.const i32x4 0x7f800000 0x7f800000 0x7f800000 0x7f800000))
    (local.set $end (i32.add (local.get $vector) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $odd
        (v128.or (local.get $odd)
          (v128.or
            (v128.or
              (i32x4.eq (local.get $ones) (v128.and (local.get $ones) (v128.load (local.get $vector))))
              (i32x4.eq (local.get $ones) (v128.and (local.get $ones) (v128.load offset=16 (local.get $vector)))))
            (v128.or
              (i32x4.eq (local.get $ones) (v128.and (local.get $ones) (v128.load offset=32 (local.get $vector))))
              (i32x4.eq (local.get $ones) (v128.and (local.get $ones) (v128.load offset=48 (local.get $vector))))))))
      (local.set $vector (i32.add (local.get $vector) (i32.const 64)))
      (br_if $next (i32.ne (local.get $vector) (local.get $end))))
    (i32.eqz (v128.any_true (local.get $odd))))

  ;; Adam, all f64: m = beta1 m + rest1 g; v = beta2 v + (rest2 g) g;
  ;; weights -= (rate m) / (rootScale sqrt(v) + epsilon) with the m and v that are not yet rounded
  (func (export "adam") (param $weights i32) (param $m i32) (param $v i32) (param $gradient i32) (param $count i32)
    (param $beta1 f64) (param $rest1 f64) (param $beta2 f64) (param $rest2 f64)
    (param $rate f64) (param $rootScale f64) (param $epsilon f64)
    (local $end i32) (local $g v128) (local $mean v128) (local $square v128)
    (local $beta1s v128) (local $rest1s v128) (local $beta2s v128) (local $rest2s v128)
    (local $rates v128) (local $rootScales v128) (local $epsilons v128)
    (local.set $beta1s (f64x2.splat (local.get $beta1)))
    (local.set $rest1s (f64x2.splat (local.get $rest1)))
    (local.set $beta2s (f64x2.splat (local.get $beta2)))
    (local.set $rest2s (f64x2.splat (local.get $rest2)))
    (local.set $rates (f64x2.splat (local.get $rate)))
    (local.set $rootScales (f64x2.splat (local.get $rootScale)))
    (local.set $epsilons (f64x2.splat (local.get $epsilon)))
    (local.set $end (i32.add (local.get $weights) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $g (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $gradient))))
      (local.set $mean
        (f64x2.add
          (f64x2.mul (local.get $beta1s) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $m))))
          (f64x2.mul (local.get $rest1s) (local.get $g))))
      (local.set $square
        (f64x2.add
          (f64x2.mul (local.get $beta2s) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $v))))
          (f64x2.mul (f64x2.mul (local.get $rest2s) (local.get $g)) (local.get $g))))
      (v128.store64_lane 0 (local.get $m) (f32x4.demote_f64x2_zero (local.get $mean)))
      (v128.store64_lane 0 (local.get $v) (f32x4.demote_f64x2_zero (local.get $square)))
      (v128.store64_lane 0 (local.get $weights)
        (f32x4.demote_f64x2_zero
          (f64x2.sub
            (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $weights)))
            (f64x2.div
              (f64x2.mul (local.get $rates) (local.get $mean))
              (f64x2.add
                (f64x2.mul (local.get $rootScales) (f64x2.sqrt (local.get $square)))
                (local.get $epsilons))))))
      (local.set $weights (i32.add (local.get $weights) (i32.const 8)))
      (local.set $m (i32.add (local.get $m) (i32.const 8)))
      (local.set $v (i32.add (local.get $v) (i32.const 8)))
      (local.set $gradient (i32.add (local.get $gradient) (i32.const 8)))
      (br_if $next (i32.ne (local.get $weights) (local.get $end)))))

  ;; weights[i] = f64(weights[i]) - rate x f64(gradient[i])
  (func (export "sgd") (param $weights i32) (param $gradient i32) (param $count i32) (param $rate f64)
    (local $end i32) (local $rates v128)
    (local.set $rates (f64x2.splat (local.get $rate)))
    (local.set $end (i32.add (local.get $weights) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store64_lane 0 (local.get $weights)
        (f32x4.demote_f64x2_zero
          (f64x2.sub
            (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $weights)))
            (f64x2.mul (local.get $rates) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $gradient)))))))
      (local.set $weights (i32.add (local.get $weights) (i32.const 8)))
      (local.set $gradient (i32.add (local.get $gradient) (i32.const 8)))
      (br_if $next (i32.ne (local.get $weights) (local.get $end)))))

  ;; into[i] (16 bits) = bfloat16 of from[i], rounded to nearest, ties to even: almost half a unit is added, and one
  ;; more where the last bit that stays is odd. A NaN is cut and made quiet: with the carry it could become an infinity.
  (func (export "packBfloat16") (param $from i32) (param $into i32) (param $count i32)
    (local $end i32) (local $almost v128) (local $one v128) (local $quiet v128)
    (local $bits v128) (local $upper v128) (local $low v128) (local $high v128)
    (local.set $almost (v128.const i32x4 0x7fff 0x7fff 0x7fff 0x7fff))
    (local.set $one (v128.const i32x4 1 1 1 1))
    (local.set $quiet (v128.const i32x4 0x40 0x40 0x40 0x40))
    (local.set $end (i32.add (local.get $from) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $bits (v128.load (local.get $from)))
      (local.set $upper (i32x4.shr_u (local.get $bits) (i32.const 16)))
      (local.set $low
        (v128.bitselect
          (i32x4.shr_u
            (i32x4.add (i32x4.add (local.get $bits) (local.get $almost)) (v128.and (local.get $upper) (local.get $one)))
            (i32.const 16))
          (v128.or (local.get $upper) (local.get $quiet))
          (f32x4.eq (local.get $bits) (local.get $bits))))
      (local.set $bits (v128.load offset=16 (local.get $from)))
      (local.set $upper (i32x4.shr_u (local.get $bits) (i32.const 16)))
      (local.set $high
        (v128.bitselect
          (i32x4.shr_u
            (i32x4.add (i32x4.add (local.get $bits) (local.get $almost)) (v128.and (local.get $upper) (local.get $one)))
            (i32.const 16))
          (v128.or (local.get $upper) (local.get $quiet))
          (f32x4.eq (local.get $bits) (local.get $bits))))
      (v128.store (local.get $into) (i16x8.narrow_i32x4_u (local.get $low) (local.get $high)))
      (local.set $from (i32.add (local.get $from) (i32.const 32)))
      (local.set $into (i32.add (local.get $into) (i32.const 16)))
      (br_if $next (i32.ne (local.get $from) (local.get $end)))))

  ;; into[i] = the float32 value of from[i] (16 bits): zeros are appended
  (func (export "unpackBfloat16") (param $from i32) (param $into i32) (param $count i32)
    (local $end i32) (local $halves v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $halves (v128.load (local.get $from)))
      (v128.store (local.get $into) (i32x4.shl (i32x4.extend_low_i16x8_u (local.get $halves)) (i32.const 16)))
      (v128.store offset=16 (local.get $into)
        (i32x4.shl (i32x4.extend_high_i16x8_u (local.get $halves)) (i32.const 16)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (local.set $into (i32.add (local.get $into) (i32.const 32)))
      (br_if $next (i32.ne (local.get $into) (local.get $end)))))
)
