(function () {
  var filters = document.getElementById("filters");
  var rows = Array.prototype.slice.call(document.querySelectorAll("tbody tr"));
  filters.hidden = false;
  filters.addEventListener("change", function () {
    var off = {};
    filters.querySelectorAll("input").forEach(function (box) { if (!box.checked) { off[box.value] = true; } });
    rows.forEach(function (row) {
      row.hidden = Boolean(off["severity " + row.dataset.severity] || off["type " + row.dataset.type]);
    });
  });
})();
