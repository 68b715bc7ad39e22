// oneDNN's own lbr_gru primitive, forward for training and backward with packed weights, and beside it the matmuls of
// the embedding and the dense layer as matmul primitives: what the arithmetic of one step costs where it is fastest.
// The softmax, which oneDNN's users have elsewhere, is computed once, outside of the clock, to prove the loss; there is
// no update. Arguments: weights file, ids file, V, E, H, B, T, repeats. Speaks with contestant.ts over lines.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

static engine cpu(engine::kind::cpu, 0);
static stream flow(cpu);

static memory::desc shaped(const memory::dims &dims, tag layout) {
  return memory::desc(dims, memory::data_type::f32, layout);
}

static float *floats(const memory &m) { return static_cast<float *>(m.get_data_handle()); }

static memory zeros(const memory::desc &desc) {
  memory m(desc, cpu);
  std::memset(m.get_data_handle(), 0, desc.get_size());
  return m;
}

template <typename T> static std::vector<T> read_file(const char *path) {
  FILE *file = std::fopen(path, "rb");
  if (file == nullptr) throw std::runtime_error(std::string("cannot open ") + path);
  std::fseek(file, 0, SEEK_END);
  std::vector<T> values(std::ftell(file) / sizeof(T));
  std::rewind(file);
  if (std::fread(values.data(), sizeof(T), values.size(), file) != values.size()) throw std::runtime_error(path);
  std::fclose(file);
  return values;
}

// One primitive with its arguments.
struct Task {
  primitive what;
  Arguments arguments;
  void run() const { what.execute(flow, arguments); }
};

static Task product(const memory &a, const memory &b, const memory &c, const memory *bias = nullptr) {
  Arguments arguments = {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}};
  if (bias == nullptr) return {matmul(matmul::primitive_desc(cpu, a.get_desc(), b.get_desc(), c.get_desc())), arguments};
  arguments[DNNL_ARG_BIAS] = *bias;
  return {matmul(matmul::primitive_desc(cpu, a.get_desc(), b.get_desc(), bias->get_desc(), c.get_desc())), arguments};
}

// The same memory under another shape.
static memory viewed(const memory &m, const memory::dims &dims, tag layout) {
  return memory(shaped(dims, layout), cpu, m.get_data_handle());
}

static Task moved(const memory &from, const memory &to) {
  return {reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}};
}

static double squares(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += double(values[i]) * values[i];
  return sum;
}

int main(int, char **argv) {
  const std::vector<float> weights = read_file<float>(argv[1]);
  const std::vector<int> ids = read_file<int>(argv[2]);
  long sizes[6];
  for (int i = 0; i < 6; i++) sizes[i] = std::atol(argv[3 + i]);
  const auto [V, E, H, B, T, repeats] = sizes;
  const long characters = T * B;

  // PyTorch's tensors in their order; gates r, z, n become oneDNN's u, r, o.
  const float *embedding = weights.data(), *ih = embedding + V * E, *hh = ih + 3 * H * E, *bih = hh + 3 * H * H;
  const float *bhh = bih + 3 * H, *dense = bhh + 3 * H, *dense_bias = dense + V * H;
  const int torch_gate[3] = {1, 0, 2};
  memory table = zeros(shaped({V, E}, tag::ab)), one_hot = zeros(shaped({characters, V}, tag::ab));
  memory source = zeros(shaped({T, B, E}, tag::tnc)), state = zeros(shaped({1, 1, B, H}, tag::ldnc));
  memory hidden = zeros(shaped({T, B, H}, tag::tnc)), last = zeros(shaped({1, 1, B, H}, tag::ldnc));
  memory bias = zeros(shaped({1, 1, 4, H}, tag::ldgo));
  memory layer_plain = zeros(shaped({1, 1, E, 3, H}, tag::ldigo)), iter_plain = zeros(shaped({1, 1, H, 3, H}, tag::ldigo));
  memory d_layer_plain = zeros(layer_plain.get_desc()), d_iter_plain = zeros(iter_plain.get_desc());
  std::memcpy(floats(table), embedding, V * E * sizeof(float));
  for (int gate = 0; gate < 3; gate++)
    for (long unit = 0; unit < H; unit++) {
      const long row = torch_gate[gate] * H + unit;
      for (long i = 0; i < E; i++) floats(layer_plain)[(i * 3 + gate) * H + unit] = ih[row * E + i];
      for (long i = 0; i < H; i++) floats(iter_plain)[(i * 3 + gate) * H + unit] = hh[row * H + i];
      floats(bias)[gate * H + unit] = gate < 2 ? bih[row] + bhh[row] : bih[row];
      if (gate == 2) floats(bias)[3 * H + unit] = bhh[row];
    }
  std::vector<int> targets(characters);
  for (long t = 0; t < T; t++)
    for (long row = 0; row < B; row++) {
      floats(one_hot)[(t * B + row) * V + ids[row * (T + 1) + t]] = 1;
      targets[t * B + row] = ids[row * (T + 1) + t + 1];
    }

  const auto any_layer = shaped({1, 1, E, 3, H}, tag::any), any_iter = shaped({1, 1, H, 3, H}, tag::any);
  const auto way = rnn_direction::unidirectional_left2right;
  const auto s = source.get_desc(), i = state.get_desc(), b = bias.get_desc(), h = hidden.get_desc();
  lbr_gru_forward::primitive_desc forward(cpu, prop_kind::forward_training, way, s, i, any_layer, any_iter, b, h, i);
  lbr_gru_backward::primitive_desc backward(cpu, prop_kind::backward, way, s, i, any_layer, any_iter, b, h, i, s, i,
                                            any_layer, any_iter, b, h, i, forward);
  memory layer_f = zeros(forward.weights_layer_desc()), iter_f = zeros(forward.weights_iter_desc());
  memory layer_b = zeros(backward.weights_layer_desc()), iter_b = zeros(backward.weights_iter_desc());
  memory d_layer = zeros(backward.diff_weights_layer_desc()), d_iter = zeros(backward.diff_weights_iter_desc());
  memory workspace = zeros(forward.workspace_desc());
  memory d_source = zeros(s), d_state = zeros(i), d_bias = zeros(b), d_hidden = zeros(h), d_last = zeros(i);
  const Arguments common = {{DNNL_ARG_SRC_LAYER, source}, {DNNL_ARG_SRC_ITER, state},   {DNNL_ARG_BIAS, bias},
                            {DNNL_ARG_DST_LAYER, hidden}, {DNNL_ARG_DST_ITER, last}, {DNNL_ARG_WORKSPACE, workspace}};
  Task gru{lbr_gru_forward(forward), common}, gru_back{lbr_gru_backward(backward), common};
  gru.arguments.insert({{DNNL_ARG_WEIGHTS_LAYER, layer_f}, {DNNL_ARG_WEIGHTS_ITER, iter_f}});
  gru_back.arguments.insert({{DNNL_ARG_WEIGHTS_LAYER, layer_b},
                             {DNNL_ARG_WEIGHTS_ITER, iter_b},
                             {DNNL_ARG_DIFF_SRC_LAYER, d_source},
                             {DNNL_ARG_DIFF_SRC_ITER, d_state},
                             {DNNL_ARG_DIFF_WEIGHTS_LAYER, d_layer},
                             {DNNL_ARG_DIFF_WEIGHTS_ITER, d_iter},
                             {DNNL_ARG_DIFF_BIAS, d_bias},
                             {DNNL_ARG_DIFF_DST_LAYER, d_hidden},
                             {DNNL_ARG_DIFF_DST_ITER, d_last}});

  memory dense_weight = zeros(shaped({V, H}, tag::ab)), dense_b = zeros(shaped({1, V}, tag::ab));
  std::memcpy(floats(dense_weight), dense, V * H * sizeof(float));
  std::memcpy(floats(dense_b), dense_bias, V * sizeof(float));
  memory logits = zeros(shaped({characters, V}, tag::ab)), d_logits = zeros(shaped({characters, V}, tag::ab));
  memory d_dense = zeros(shaped({V, H}, tag::ab)), d_dense_b = zeros(shaped({1, V}, tag::ab));
  memory d_table = zeros(shaped({V, E}, tag::ab)), ones = zeros(shaped({1, characters}, tag::ab));
  for (long c = 0; c < characters; c++) floats(ones)[c] = 1;
  const memory features = viewed(hidden, {characters, H}, tag::ab), d_features = viewed(d_hidden, {characters, H}, tag::ab);
  const std::vector<Task> there = {
      moved(layer_plain, layer_f), moved(iter_plain, iter_f), product(one_hot, table, viewed(source, {characters, E}, tag::ab)),
      gru, product(features, viewed(dense_weight, {H, V}, tag::ba), logits, &dense_b)};
  const std::vector<Task> back = {
      moved(layer_plain, layer_b), moved(iter_plain, iter_b), product(d_logits, dense_weight, d_features),
      product(viewed(d_logits, {V, characters}, tag::ba), features, d_dense), product(ones, d_logits, d_dense_b), gru_back,
      moved(d_layer, d_layer_plain), moved(d_iter, d_iter_plain),
      product(viewed(one_hot, {V, characters}, tag::ba), viewed(d_source, {characters, E}, tag::ab), d_table)};

  const auto run_there = [&] {
    for (const Task &task : there) task.run();
    flow.wait();
  };
  const auto run_back = [&] {
    // The primitive adds to what is there.
    for (const memory &sum : {d_layer, d_iter, d_bias}) std::memset(sum.get_data_handle(), 0, sum.get_desc().get_size());
    for (const Task &task : back) task.run();
    flow.wait();
  };

  run_there();
  double loss = 0;
  for (long c = 0; c < characters; c++) {
    const float *row = floats(logits) + c * V;
    double highest = row[0], sum = 0;
    for (long v = 1; v < V; v++) highest = std::max(highest, double(row[v]));
    for (long v = 0; v < V; v++) sum += std::exp(row[v] - highest);
    loss += std::log(sum) + highest - row[targets[c]];
    for (long v = 0; v < V; v++)
      floats(d_logits)[c * V + v] = float((std::exp(row[v] - highest) / sum - (v == targets[c])) / characters);
  }
  run_back();
  // Biases of the reset and update gates are one here and two in PyTorch, with equal gradients.
  const double norm = std::sqrt(squares(floats(d_layer_plain), 3 * E * H) + squares(floats(d_iter_plain), 3 * H * H) +
                                squares(floats(d_bias), 4 * H) + squares(floats(d_bias), 2 * H) +
                                squares(floats(d_dense), V * H) + squares(floats(d_dense_b), V) + squares(floats(d_table), V * E));
  const version_t *version = dnnl_version();
  std::printf("{\"ready\": {\"version\": \"oneDNN %d.%d.%d\", \"losses\": [%.9g], \"facts\": {\"gradientNorm\": %.9g}}}\n",
              version->major, version->minor, version->patch, loss / characters, norm);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    for (long count = 0; count < repeats; count++) {
      run_there();
      run_back();
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    std::printf("{\"value\": %.6g}\n", took.count() / repeats);
    std::fflush(stdout);
  }
  return 0;
}
