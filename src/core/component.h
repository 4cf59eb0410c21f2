// Components by name: a table of {name, summary, default config, make}, and a Choice, or a list of them, that
// a config struct holds. A component's file ends in `XComponent make_x()`, one line in the room's
// registry.def declares and lists it.
#pragma once

#include <cassert>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/core/fields.h"

namespace athanor {

template <class Product, class... Args>
struct Component {
  std::string name;
  std::string summary;
  std::function<std::unique_ptr<ConfigStruct>()> default_config;
  std::function<std::unique_ptr<Product>(const ConfigStruct&, Args...)> make;
};

// component<Config, Product, Args...>("x", "what it is", [](const Config& config, Args... args) { …
// unique_ptr … })
template <class Config, class Product, class... Args, class Make>
Component<Product, Args...> component(std::string name, std::string summary, Make make) {
  return {std::move(name), std::move(summary), [] { return std::make_unique<Config>(); },
          [make](const ConfigStruct& config, Args... args) -> std::unique_ptr<Product> {
            return make(static_cast<const Config&>(config), std::forward<Args>(args)...);
          }};
}

template <class Product, class... Args>
class Choice : public ChoiceBase {
 public:
  using Table = std::vector<Component<Product, Args...>>;

  // `table` outlives the choice (registries are function-local statics).
  Choice(const Table& table, const std::string& name) : table_(&table) { Choice::select(name); }

  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& entry : *table_) all.push_back(entry.name);
    return all;
  }
  std::string summary(const std::string& name) const override { return find(name)->summary; }
  const std::string& name() const override { return chosen_->name; }
  void select(const std::string& name) override {
    chosen_ = find(name);
    assert(chosen_ != nullptr);
    config_ = chosen_->default_config();
  }
  ConfigStruct& config() override { return *config_; }
  const ConfigStruct& config() const { return *config_; }

  std::unique_ptr<Product> make(Args... args) const {
    return chosen_->make(*config_, std::forward<Args>(args)...);
  }

 private:
  const Component<Product, Args...>* find(const std::string& name) const {
    for (const auto& entry : *table_)
      if (entry.name == name) return &entry;
    return nullptr;
  }

  const Table* table_;
  const Component<Product, Args...>* chosen_ = nullptr;
  std::shared_ptr<ConfigStruct> config_;
};

template <class Product, class... Args>
class ChoiceList : public ChoiceListBase {
 public:
  using One = Choice<Product, Args...>;

  // `table` outlives the list, and is not empty.
  explicit ChoiceList(const typename One::Table& table) : table_(&table) {}

  size_t size() const override { return choices_.size(); }
  ChoiceBase& at(size_t i) override { return choices_.at(i); }
  void clear() override { choices_.clear(); }
  One& add() override { return choices_.emplace_back(*table_, table_->front().name); }
  std::unique_ptr<ChoiceBase> example() const override {
    return std::make_unique<One>(*table_, table_->front().name);
  }
  const std::vector<One>& choices() const { return choices_; }

 private:
  const typename One::Table* table_;
  std::vector<One> choices_;
};

}  // namespace athanor
