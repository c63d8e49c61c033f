module veza-edge/bench/path/talk

go 1.25.0
